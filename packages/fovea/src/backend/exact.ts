import { env } from "#platform";

const off = (value: string | undefined): boolean => value === undefined || value === "" || value === "0";

let on = !off(env("FOVEA_EXACT"));

/** Whether only direct algorithms are used. */
export function exact(): boolean {
  return on;
}

/**
 * Switches Winograd's algorithm for 3×3, 5×5, 1×7 and 7×1 convolutions off (`true`) or on (`false`, the default; `FOVEA_EXACT=1` at the start).
 *
 * Winograd convolutions and their gradients are two to three times as fast, with errors of up to 1e-5 of the largest
 * result (4.2e-6 at 512 channels) where the direct algorithm has 2.6e-6: docs/accuracy-convolution.md. An infinite or NaN pixel
 * makes NaN of the whole 4×4 tiles of the result that it reaches. Compiled functions record anew when the switch changes.
 */
export function setExact(value: boolean): void {
  on = value;
}
