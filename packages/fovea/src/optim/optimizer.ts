import { FoveaError, UsageError } from "../base/errors.ts";
import { constrained } from "../nn/constraints.ts";
import { loadTensors } from "../nn/stateDict.ts";
import { Buffer } from "../nn/parameter.ts";
import { assign } from "../ops/assign.ts";
import { at } from "../ops/movement.ts";
import { where } from "../ops/select.ts";
import { isFinite } from "../ops/unary.ts";
import { full } from "../tensor/create.ts";
import { hostInput, noGrad } from "../tensor/apply.ts";
import { grad, zeroGrad } from "../tensor/autograd.ts";
import { scope } from "../tensor/scope.ts";
import { Storage } from "../tensor/storage.ts";
import { Tensor } from "../tensor/tensor.ts";
import { toSchedule, type Schedule } from "./schedules.ts";

export interface OptimizerOptions {
  /** Learning rate: a number, or a schedule over the steps. */
  lr: number | Schedule;
  /** What the rate is multiplied by: a group's share of one schedule for all. Default 1. */
  lrScale?: number;
}

/** Parameters with settings of their own; what is not given comes from the optimizer's options. */
export type ParameterGroup<S extends OptimizerOptions> = Partial<S> & { readonly params: Iterable<Tensor> };

export interface MinimizeOptions {
  /** Leave parameters and state as they are when the loss is NaN or infinite; default false. */
  skipNonFinite?: boolean;
  /** What the step takes instead of the gradients: clipped ones, or a sum over several batches. Gradients are off. */
  transform?: (gradients: readonly Tensor[], parameters: readonly Tensor[]) => readonly Tensor[];
}

/** What `stateDict` returns: tensors, and what fits into JSON. */
export interface OptimizerState {
  /** `<parameter's number>.<slot>`, live. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly scalars: {
    readonly type: string;
    /** Steps taken, per group. */
    readonly steps: readonly number[];
    /** Constant rates per group; null where a schedule gives the rate. */
    readonly lr: readonly (number | null)[];
  };
}

/** The new value of a parameter and of its slots. */
export interface Update {
  readonly parameter: Tensor;
  readonly slots: readonly Tensor[];
}

interface Group<S> {
  readonly settings: S;
  readonly members: readonly { readonly parameter: Tensor; readonly slots: readonly Tensor[] }[];
  readonly slotNames: readonly string[];
  lr: number | Schedule;
  steps: number;
}

/**
 * The part that all optimizers share: groups, state, steps and schedules.
 *
 * A subclass is an update rule of three pure functions. They are called from the constructor too, so they may use
 * their arguments only. Everything that changes from step to step goes through `scalars`: the numbers reach the
 * update as one vector that the host fills anew at each step, so a compiled step goes on with the schedule.
 */
export abstract class Optimizer<S extends OptimizerOptions = OptimizerOptions> {
  /** Name under which states are saved (a class's own may be shortened by a bundler). */
  abstract readonly name: string;
  readonly #groups: readonly Group<S>[];

  constructor(params: Iterable<Tensor> | Iterable<ParameterGroup<S>>, defaults: S) {
    const given = [...params];
    const plain = given.every((p) => p instanceof Tensor);
    if (!plain && given.some((p) => p instanceof Tensor)) {
      throw new UsageError(`${this.constructor.name}: give parameters or groups ({ params: [...] }), not both`);
    }
    const groups = plain ? [{ params: given } as unknown as ParameterGroup<S>] : (given as ParameterGroup<S>[]);
    const seen = new Set<Tensor>();
    this.#groups = groups.map((group) => this.#makeGroup(group, defaults, seen));
    if (seen.size === 0) throw new UsageError(`${this.constructor.name}: there are no parameters to optimize`);
  }

  /** Names of the tensors kept per parameter, as PyTorch calls them. */
  protected abstract slots(settings: S): readonly string[];

  /** What the elements of a slot are before the first step. */
  protected initial(_slot: string, _settings: S): number {
    return 0;
  }

  /** The numbers of one step (`step` counts from 1), for `update`. */
  protected abstract scalars(step: number, lr: number, settings: S): readonly number[];

  /** One step for one parameter: the formula of the paper. `scalars` are tensors of rank 0. */
  protected abstract update(
    parameter: Tensor,
    gradient: Tensor,
    slots: readonly Tensor[],
    scalars: readonly Tensor[],
    settings: S,
  ): Update;

  /** Computes the gradients of a loss and takes a step. Works eagerly and inside compile(). */
  minimize(loss: Tensor, { skipNonFinite = false, transform }: MinimizeOptions = {}): void {
    const parameters = this.parameters().filter((p) => p.requiresGrad);
    const gradients = grad(loss, parameters);
    const byParameter = new Map<Tensor, Tensor>();
    parameters.forEach((p, i) => gradients[i] && byParameter.set(p, gradients[i]));
    if (transform !== undefined) {
      const reached = [...byParameter.keys()];
      const changed = noGrad(() => transform([...byParameter.values()], reached));
      reached.forEach((p, i) => byParameter.set(p, changed[i]!));
    }
    this.#take((p) => byParameter.get(p) ?? null, skipNonFinite ? loss : null);
    for (const g of gradients) if (g?.source instanceof Storage) g.source.dispose(); // nobody else has seen them
  }

  /** Takes a step with the gradients that backward() left in `grad`. Parameters without one stay. */
  step(): void {
    this.#take((p) => p.grad, null);
  }

  /** Forgets the gradients that backward() left. */
  zeroGrad(): void {
    zeroGrad(this.parameters());
  }

  /** Steps taken. */
  get steps(): number {
    return this.#groups[0]!.steps;
  }

  /** Rate of the next step, of the first group, before `lrScale`. Setting it sets all groups and ends their schedules. */
  get lr(): number {
    const { lr, steps } = this.#groups[0]!;
    return toSchedule(lr)(steps);
  }

  set lr(lr: number | Schedule) {
    toSchedule(lr); // checks
    for (const group of this.#groups) group.lr = lr;
  }

  /** Rate or schedule of each group, for who changes them for a while. */
  get rates(): readonly (number | Schedule)[] {
    return this.#groups.map((group) => group.lr);
  }

  set rates(rates: readonly (number | Schedule)[]) {
    if (rates.length !== this.#groups.length) {
      throw new UsageError(`${this.name}.rates: ${rates.length} rates for ${this.#groups.length} groups`);
    }
    for (const rate of rates) toSchedule(rate); // checks
    this.#groups.forEach((group, i) => (group.lr = rates[i]!));
  }

  /** Everything that a resumed run needs, except the schedules: they are code. */
  stateDict(): OptimizerState {
    return {
      tensors: this.#tensors(),
      scalars: {
        type: this.name,
        steps: this.#groups.map((g) => g.steps),
        lr: this.#groups.map((g) => (typeof g.lr === "number" ? g.lr : null)),
      },
    };
  }

  /** Takes up the state of an optimizer over the same parameters, in place. */
  loadStateDict({ tensors, scalars }: OptimizerState): void {
    const who = `${this.name}.loadStateDict`;
    const groups = this.#groups;
    if (scalars.type !== this.name) {
      throw new FoveaError(`${who}: the state is of ${scalars.type}, not of ${this.name}`);
    }
    if (scalars.steps.length !== groups.length || scalars.lr.length !== groups.length) {
      throw new FoveaError(`${who}: the state has ${scalars.steps.length} groups, this optimizer ${groups.length}`);
    }
    loadTensors(this.#tensors(), tensors, who);
    groups.forEach((group, i) => {
      group.steps = scalars.steps[i]!;
      const lr = scalars.lr[i]!;
      if (typeof group.lr === "number" && lr !== null) group.lr = lr;
    });
  }

  #makeGroup({ params, ...own }: ParameterGroup<S>, defaults: S, seen: Set<Tensor>): Group<S> {
    const settings = { ...defaults, ...own } as S;
    toSchedule(settings.lr); // checks
    const { lrScale = 1 } = settings;
    if (!(lrScale >= 0 && lrScale < Infinity)) {
      throw new UsageError(`${this.constructor.name}: lrScale must be a number ≥ 0, got ${lrScale}`);
    }
    const slotNames = this.slots(settings);
    const members = [...params].map((parameter) => {
      if (seen.has(parameter)) throw new UsageError(`${this.constructor.name}: a parameter was given twice`);
      seen.add(parameter);
      return { parameter, slots: slotNames.map((name) => this.#slot(parameter, this.initial(name, settings))) };
    });
    return { settings, members, slotNames, lr: settings.lr, steps: 0 };
  }

  /** What it optimizes, group after group. */
  parameters(): Tensor[] {
    return this.#groups.flatMap((g) => g.members.map((m) => m.parameter));
  }

  #slot({ shape }: Tensor, value: number): Buffer {
    return new Buffer(value === 0 ? shape : full(shape, value));
  }

  #tensors(): Map<string, Tensor> {
    const found = new Map<string, Tensor>();
    let number = 0;
    for (const { members, slotNames } of this.#groups) {
      for (const { slots } of members) {
        slotNames.forEach((name, i) => found.set(`${number}.${name}`, slots[i]!));
        number++;
      }
    }
    return found;
  }

  /** One step; with `guard`, only where that loss is finite. */
  #take(gradientOf: (parameter: Tensor) => Tensor | null, guard: Tensor | null): void {
    scope(() =>
      noGrad(() => {
        const keep = guard === null ? null : isFinite(guard);
        const set = (target: Tensor, value: Tensor) =>
          assign(target, keep === null ? value : where(keep, value, target));
        for (const group of this.#groups) {
          const scalars = this.#hostScalars(group);
          for (const { parameter, slots } of group.members) {
            const g = gradientOf(parameter);
            if (g === null) continue;
            const next = this.update(parameter, g, slots, scalars, group.settings);
            slots.forEach((slot, i) => set(slot, next.slots[i]!));
            set(parameter, constrained(parameter, next.parameter));
          }
        }
      }),
    );
  }

  /** The numbers of the next step as tensors of rank 0. Filling them is what counts the step. */
  #hostScalars(group: Group<S>): Tensor[] {
    const fill = (): Float32Array => {
      const lr = toSchedule(group.lr)(group.steps) * (group.settings.lrScale ?? 1);
      group.steps++;
      return Float32Array.from(this.scalars(group.steps, lr, group.settings));
    };
    const count = this.scalars(1, 0, group.settings).length;
    const vector = hostInput({ shape: [count], dtype: "float32" }, fill);
    return Array.from({ length: count }, (_, i) => at(vector, i));
  }
}
