// Multiply-adds per second in WebAssembly: a module of one loop, assembled here. As a worker it reports GFLOP/s.
import { isMainThread, parentPort, workerData } from "node:worker_threads";

const SUMS = 8; // more spill in V8
const ROUNDS = 2_000_000;
const LANES = 4;

/** A module that exports run(rounds): SUMS independent sums s = s · a + b, in each round twice. */
export function multiplyAdds(kind) {
  const [V128, I32, LOOP, END, BR_IF, GET, SET, TEE, CONST, SUB] = [
    0x7b, 0x7f, 0x03, 0x0b, 0x0d, 0x20, 0x21, 0x22, 0x41, 0x6b,
  ];
  const simd = (op) => [0xfd, ...leb(op)];
  const [A, B, FIRST] = [1, 2, 3];
  const sum = (i) => {
    const s = FIRST + i;
    if (kind === "relaxed") return [GET, s, GET, A, GET, B, ...simd(0x105), SET, s]; // f32x4.relaxed_madd
    return [GET, s, GET, A, ...simd(0xe6), GET, B, ...simd(0xe4), SET, s]; // f32x4.mul, f32x4.add
  };
  const sums = Array.from({ length: SUMS }, (_, i) => sum(i)).flat();
  const splat = (x) => [0x43, ...new Uint8Array(Float32Array.of(x).buffer), ...simd(0x13)];
  const total = Array.from({ length: SUMS - 1 }, (_, i) => [GET, FIRST + 1 + i, ...simd(0xe4)]).flat();
  const body = [
    [1, SUMS + 2, V128], // locals
    [...splat(1.0000001), SET, A, ...splat(1e-7), SET, B],
    [LOOP, 0x40, ...sums, ...sums, GET, 0, CONST, 1, SUB, TEE, 0, BR_IF, 0, END],
    [GET, FIRST, ...total, ...simd(0x1f), 0, END], // f32x4.extract_lane 0
  ].flat();
  const section = (id, bytes) => [id, ...leb(bytes.length), ...bytes];
  return Uint8Array.from(
    [
      [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      section(1, [1, 0x60, 1, I32, 1, 0x7d]), // (i32) -> f32
      section(3, [1, 0]),
      section(7, [1, 3, ...new TextEncoder().encode("run"), 0, 0]),
      section(10, [1, ...leb(body.length), ...body]),
    ].flat(),
  );
}

/** Unsigned LEB128. */
function leb(n) {
  return n < 128 ? [n] : [(n & 127) | 128, ...leb(n >> 7)];
}

/** GFLOP/s of a module's run(rounds). */
export function rateOf(run, rounds) {
  const start = performance.now();
  run(rounds);
  return (rounds * 2 * SUMS * LANES * 2) / ((performance.now() - start) / 1000) / 1e9;
}

if (!isMainThread) {
  const { instance } = await WebAssembly.instantiate(multiplyAdds(workerData));
  const { run } = instance.exports;
  run(ROUNDS); // compiled by the optimising compiler
  run(ROUNDS);
  // oxlint-disable-next-line require-post-message-target-origin -- that is for windows, this is a worker
  parentPort.postMessage(rateOf(run, 10 * ROUNDS));
}
