import type { Epilogue } from "./epilogue.ts";

const epilogue = (activation: Epilogue["activation"], min = 0, max = 0): Epilogue => ({ activation, min, max });

/** Every activation, with and without bias and residual: what fused ops are tested with. */
export const epilogues: readonly { name: string; bias: boolean; residual: boolean; attrs: Epilogue }[] = [
  { name: "ReLU", bias: true, residual: false, attrs: epilogue("relu") },
  { name: "residual and ReLU", bias: true, residual: true, attrs: epilogue("relu") },
  { name: "clip", bias: true, residual: false, attrs: epilogue("clip", -0.5, 1) },
  { name: "residual alone", bias: false, residual: true, attrs: epilogue("none") },
  { name: "SiLU", bias: false, residual: false, attrs: epilogue("silu") },
  { name: "residual and SiLU", bias: true, residual: true, attrs: epilogue("silu") },
  { name: "residual and clip", bias: false, residual: true, attrs: epilogue("clip", 0, 6) },
];
