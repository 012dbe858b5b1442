import { FoveaError } from "../base/errors.ts";
import { compile, type Compiled, type CompileOptions, type TensorTree } from "../graph/compile.ts";
import { noGrad } from "../tensor/apply.ts";
import { zeroGrad } from "../tensor/autograd.ts";
import { inLayer, type LayerFrame } from "../tensor/context.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Buffer, Parameter } from "./parameter.ts";
import { loadTensors, type LoadOptions, type LoadResult } from "./stateDict.ts";

/** Any module, whatever it takes and returns. */
export type AnyModule = Module<never, unknown>;

/** What a compiled module returns: what the module does, or any tensors where that is not known. */
type CompiledOutput<Output> = unknown extends Output ? TensorTree : Output extends TensorTree ? Output : Tensor;

/** Sees a module, its inputs and its output right after its forward; inner modules come before outer ones. */
export type ForwardObserver = (module: AnyModule, output: unknown, inputs: readonly unknown[]) => void;

const observers: ForwardObserver[] = [];

/** Runs `fn` with an observer of every forward in it: the search for the first NaN, feature maps, summaries. */
export function observeForward<T>(observer: ForwardObserver, fn: () => T): T {
  observers.push(observer);
  try {
    return fn();
  } finally {
    observers.splice(observers.lastIndexOf(observer), 1);
  }
}

/**
 * A part of a network: layers and parameters are its fields, `forward` is what it computes.
 *
 * Parameters, buffers and modules are found by walking the fields (arrays included), so there is nothing to register.
 * Their names are PyTorch's: `runningMean` in the class is `running_mean` in a state dict, arrays count `0.weight`. A
 * name with a capital first letter stays as it is (torchvision's `Mixed_5b`).
 * Plain tensors are not state. A back reference to an enclosing module belongs in a `#private` field.
 *
 * @example
 * class Net extends nn.Module {
 *   conv1 = new nn.Conv2d(1, 6, 5);
 *   forward(x: Tensor): Tensor {
 *     return this.conv1.forward(x).relu();
 *   }
 * }
 */
export abstract class Module<Inputs extends readonly unknown[] = [x: Tensor], Output = Tensor> implements LayerFrame {
  /** True while batch statistics and dropout act as in training. Change it with `train()` and `eval()`. */
  training = true;

  abstract forward(...inputs: Inputs): Output;

  constructor() {
    // The one place where forward is wrapped: an own property stands over the prototype's method, so that errors can
    // name the layer by its path and observers see each output, while users write and call a plain `forward`.
    const forward: (...inputs: Inputs) => Output = this.forward.bind(this);
    const wrapped = (...inputs: Inputs): Output =>
      inLayer(this, () => {
        const output = forward(...inputs);
        for (const observe of observers) observe(this, output, inputs);
        return output;
      });
    Object.defineProperty(this, "forward", { value: wrapped, configurable: true, writable: true });
  }

  /** Every parameter once, in the order of the fields. */
  parameters(): Parameter[] {
    return [...this.namedParameters().values()];
  }

  /** Parameters by PyTorch's names; a shared one under its first name. */
  namedParameters(): Map<string, Parameter> {
    const found = new Map<string, Parameter>();
    const seen = new Set<Tensor>();
    for (const [name, tensor] of state(this)) {
      if (!(tensor instanceof Parameter) || seen.has(tensor)) continue;
      seen.add(tensor);
      found.set(name, tensor);
    }
    return found;
  }

  /** Buffers (running statistics) by PyTorch's names. */
  namedBuffers(): Map<string, Buffer> {
    const found = new Map<string, Buffer>();
    for (const [name, tensor] of state(this)) if (tensor instanceof Buffer) found.set(name, tensor);
    return found;
  }

  /** This module (under the name "") and all inside it, outer before inner. */
  namedModules(): Map<string, AnyModule> {
    return new Map(walk(this).map(({ path, module }) => [path, module]));
  }

  /** The live parameters and buffers by PyTorch's names. */
  stateDict(): Map<string, Tensor> {
    return new Map(state(this));
  }

  /**
   * Copies values into the parameters and buffers, in place: compiled functions and optimizers stay valid.
   * Nothing is changed unless everything fits.
   */
  loadStateDict(values: ReadonlyMap<string, Tensor>, options: LoadOptions = {}): LoadResult {
    return loadTensors(this.stateDict(), values, `${this.constructor.name}.loadStateDict`, options);
  }

  /**
   * The forward pass as a compiled function for inference: recorded once per combination of input shapes, in eval mode
   * and without gradients, whatever the module's own mode. Later changes of weights are seen at the next call.
   */
  compile(options: CompileOptions = {}): Compiled<Tensor[], CompiledOutput<Output>> {
    const forward = (...inputs: Tensor[]) =>
      noGrad(() => {
        const restore = rememberModes(walk(this));
        this.eval();
        try {
          return this.forward(...(inputs as unknown as Inputs)) as CompiledOutput<Output>;
        } finally {
          restore();
        }
      });
    return compile(forward, options);
  }

  /** Switches this module and all inside it to training behaviour, or with `false` to inference. */
  train(mode = true): this {
    for (const { module } of walk(this)) module.training = mode;
    return this;
  }

  /** Switches to inference: running statistics instead of batch statistics, no dropout. */
  eval(): this {
    return this.train(false);
  }

  /**
   * Stops gradients to all parameters inside, or with `false` lets them flow again. Frozen batch norms use their running
   * statistics and leave them alone.
   */
  freeze(frozen = true): this {
    for (const parameter of this.parameters()) parameter.requireGrad(!frozen);
    return this;
  }

  /** Forgets the gradients of all parameters. */
  zeroGrad(): void {
    zeroGrad(this.parameters());
  }

  /** The arguments of the constructor, for `describe`. */
  extraRepr(): string {
    return "";
  }

  /** One line: `Conv2d(1, 6, kernelSize=5)`. */
  describe(): string {
    return `${this.constructor.name}(${this.extraRepr()})`;
  }

  /** Where a module hangs below this one: `features.0`; null when it does not. */
  pathOf(child: LayerFrame): string | null {
    return walk(this).find(({ module }) => module === child)?.path ?? null;
  }

  /** The tree of modules. */
  toString(): string {
    const { children } = fields(this);
    if (children.length === 0) return this.describe();
    const lines = children.map(([name, child]) => `(${name}): ${child.toString()}`.replaceAll("\n", "\n  "));
    return `${this.constructor.name}(\n${lines.map((line) => `  ${line}\n`).join("")})`;
  }
}

type Named<T> = [name: string, value: T];

/** A module in a network. */
export interface ModulePlace {
  readonly path: string;
  readonly module: AnyModule;
  /** Parameters and buffers of its own. */
  readonly own: readonly Named<Parameter | Buffer>[];
}

/** What puts these modules back into the modes, training or inference, in which they are now. */
export function rememberModes(modules: readonly ModulePlace[]): () => void {
  const modes = modules.map(({ module }) => [module, module.training] as const);
  return () => {
    for (const [module, training] of modes) module.training = training;
  };
}

/** The modules from `root` inwards, outer before inner. */
export function walk(root: AnyModule): ModulePlace[] {
  const found: ModulePlace[] = [];
  const above: AnyModule[] = [];
  const visit = (module: AnyModule, path: string): void => {
    if (above.includes(module)) {
      throw new FoveaError(
        `${root.constructor.name}: ${path} leads back to an enclosing module; keep back references in a #private field`,
      );
    }
    const { own, children } = fields(module);
    found.push({ path, module, own });
    above.push(module);
    for (const [name, child] of children) visit(child, join(path, name));
    above.pop();
  };
  visit(root, "");
  return found;
}

/** Parameters and buffers by full name, in PyTorch's order: a module's own before those of its children. */
function state(root: AnyModule): Named<Parameter | Buffer>[] {
  return walk(root).flatMap(({ path, own }) =>
    own.map(([name, tensor]): Named<Parameter | Buffer> => [join(path, name), tensor]),
  );
}

interface Fields {
  readonly own: Named<Parameter | Buffer>[];
  readonly children: Named<AnyModule>[];
}

/** What hangs directly below a module, arrays opened. */
function fields(module: AnyModule): Fields {
  const found: Fields = { own: [], children: [] };
  for (const name of Object.keys(module)) {
    const value: unknown = module[name as keyof AnyModule];
    if (typeof value === "object" && value !== null) sort(snakeCase(name), value, found);
  }
  return found;
}

function sort(name: string, value: unknown, found: Fields): void {
  if (value instanceof Parameter || value instanceof Buffer) found.own.push([name, value]);
  else if (value instanceof Module) found.children.push([name, value]);
  else if (Array.isArray(value)) value.forEach((item, i) => sort(`${name}.${i}`, item, found));
}

function join(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

/** Field names as PyTorch writes them: `runningMean` → `running_mean`; one with a capital first letter is left alone. */
function snakeCase(name: string): string {
  let known = snakeCased.get(name);
  if (known === undefined) {
    known = /^[A-Z]/.test(name) ? name : name.replace(/([a-z0-9])([A-Z])/g, "$1_$2").toLowerCase();
    snakeCased.set(name, known);
  }
  return known;
}

/** Names that were asked for before: every walk over a network asks for all of them. */
const snakeCased = new Map<string, string>();
