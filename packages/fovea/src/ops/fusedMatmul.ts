import { defineOp } from "../tensor/op.ts";
import { finishReference, withResidual, type Epilogue } from "./epilogue.ts";
import { matmulOp, type MatmulAttrs } from "./matmul.ts";

/** y = activation(matmul(a, b) + bias + residual). Made by graph passes from what it replaces, so without a gradient. */
export const fusedMatmulOp = defineOp("fusedMatmul", {
  inputs: ["a", "b", "bias?", "residual?"],
  shape: ({ a, b, bias, residual }, attrs: MatmulAttrs & Epilogue) =>
    withResidual("fusedMatmul", matmulOp.shape([a, b, bias], attrs), residual),
  vjp: null,
  macs: ({ a, b, bias }, attrs, y) => matmulOp.macs([a, b, bias], attrs, y),
  reference: ({ a, b, bias, residual }, attrs, y) => {
    matmulOp.reference([a, b, bias], attrs, y);
    finishReference(y, residual, attrs);
  },
});
