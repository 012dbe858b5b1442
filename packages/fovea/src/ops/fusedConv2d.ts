import { defineOp } from "../tensor/op.ts";
import { conv2dOp, type Conv2dAttrs } from "./conv2d.ts";
import { finishReference, withResidual, type Epilogue } from "./epilogue.ts";

/** y = activation(conv2d(x, weight) + bias + residual). Made by graph passes from what it replaces, so without a gradient. */
export const fusedConv2dOp = defineOp("fusedConv2d", {
  inputs: ["x", "weight", "bias?", "residual?"],
  shape: ({ x, weight, bias, residual }, attrs: Conv2dAttrs & Epilogue) =>
    withResidual("fusedConv2d", conv2dOp.shape([x, weight, bias], attrs), residual),
  vjp: null,
  macs: ({ x, weight, bias }, attrs, y) => conv2dOp.macs([x, weight, bias], attrs, y),
  reference: ({ x, weight, bias, residual }, attrs, y) => {
    conv2dOp.reference([x, weight, bias], attrs, y);
    finishReference(y, residual, attrs);
  },
});
