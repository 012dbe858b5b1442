import { FoveaError, ShapeError } from "../base/errors.ts";
import { arrayOf, type HostValues } from "../base/hostValues.ts";
import { sameShape, showShape } from "../base/shape.ts";
import { apply, isGradEnabled, isRecording, noGrad } from "../tensor/apply.ts";
import { fromHost } from "../tensor/create.ts";
import { defineOp } from "../tensor/op.ts";
import { Storage } from "../tensor/storage.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** target ← value, in the memory of the target: how weights, optimizer state and running statistics change. */
export const assignOp = defineOp("assign", {
  inputs: ["target", "value"],
  inPlace: true,
  shape: ({ target, value }) => {
    if (!sameShape(target.shape, value.shape) || target.dtype !== value.dtype) {
      throw new ShapeError(
        `assign: the value is ${showShape(value.shape)} ${value.dtype} and the target ${showShape(target.shape)} ` +
          `${target.dtype}; both must be the same, nothing broadcasts into a target`,
      );
    }
    return target;
  },
  vjp: null,
  reference: ({ value }, _attrs, output) => output.data.set(value.data),
});

/**
 * Gives a tensor other values in place. It must be a leaf, and gradients must be off (`noGrad`), because a gradient
 * noted before would read the new values.
 */
export function assign(target: Tensor, value: Tensor): void {
  if (isGradEnabled()) throw new FoveaError("assign: gradients are on; wrap the update in noGrad(() => ...)");
  if (target.node !== null) {
    throw new FoveaError(
      `assign: the target ${showShape(target.shape)} is a result of ${target.node.op.name}; only leaves (parameters, ` +
        "buffers, tensors made from values) can be changed in place",
    );
  }
  if (!(target.source instanceof Storage)) {
    throw new FoveaError(
      `assign: the target ${showShape(target.shape)} exists only inside the compiled function; ` +
        "make tensors that keep values between calls outside of it",
    );
  }
  apply(assignOp, { target, value }, {});
}

/**
 * Gives a leaf values from the host, in the same storage. The array must not be changed afterwards. A function that
 * makes the array is called when the values are wanted.
 */
export function overwrite(target: Tensor, values: HostValues): void {
  if (isRecording()) throw new FoveaError("values from JavaScript cannot be written into a tensor inside compile()");
  if (target.storage.replaceHost(values)) return;
  const source = fromHost(arrayOf(values), target.shape, target.dtype);
  noGrad(() => assign(target, source));
  source.storage.dispose();
}
