import type { Tensor } from "../tensor/tensor.ts";
import { Module } from "./module.ts";

/**
 * Modules one after the other, named "0", "1", … as in PyTorch, or by the keys of a record.
 *
 * @example
 * new nn.Sequential(new nn.Conv2d(1, 6, 5), new nn.ReLU(), new nn.MaxPool2d(2))
 */
export class Sequential extends Module {
  /** The modules by position; by name they are fields under that name. */
  [index: number]: Module;

  constructor(...modules: readonly Module[] | readonly [Readonly<Record<string, Module>>]) {
    super();
    const [first] = modules;
    // As fields of this object they are found and named by the one walk that finds everything.
    Object.assign(this, first === undefined || first instanceof Module ? modules : first);
  }

  /** The modules in order. */
  get layers(): Module[] {
    return Object.values(this).filter((value) => value instanceof Module);
  }

  forward(x: Tensor): Tensor {
    for (const layer of this.layers) x = layer.forward(x);
    return x;
  }
}
