import { defaultStream, restoreDefaultStream } from "../base/random.ts";
import { rememberModes, walk, type AnyModule } from "../nn/module.ts";
import { observeOps } from "../tensor/apply.ts";
import { grad } from "../tensor/autograd.ts";
import { innermostLayer } from "../tensor/context.ts";
import { scope } from "../tensor/scope.ts";
import type { Tensor } from "../tensor.ts";
import { toDevice, type TrainBatch } from "./batch.ts";
import type { StepOptions } from "./step.ts";

/** What one batch shows of a network as it is in inference. */
export interface Evidence {
  /** For each ReLU in order, where it is and the share of its units that are 0 for every example. */
  readonly dead: readonly { readonly layer: string; readonly share: number }[];
  /** For each weight (not biases) in order, the length of its gradient, and its own. */
  readonly gradients: readonly { readonly name: string; readonly norm: number; readonly weight: number }[];
  /** How many examples each class was given to, and how many are of it; empty where classes are not asked for. */
  readonly answers: readonly number[];
  readonly labels: readonly number[];
}

/** Looks into a network with one batch, op by op; nothing about it changes. */
export function examine({ model, objective, forward }: StepOptions, batch: TrainBatch): Evidence {
  const before = defaultStream().state;
  const restore = rememberModes(walk(model));
  model.eval();
  try {
    return scope(() => look(model, batch, (x, y) => objective(forward(...x), y, null)));
  } finally {
    restore();
    restoreDefaultStream(before);
  }
}

function look(
  model: AnyModule,
  batch: TrainBatch,
  run: (x: Tensor[], y: ReadonlyMap<string, Tensor>) => { readonly total: Tensor; readonly output: Tensor },
): Evidence {
  const dead: { layer: string; share: number }[] = [];
  const targets = new Map([...batch.y].map(([name, values]) => [name, toDevice(values)]));
  const { total, output } = observeOps(
    (op, y) => {
      if (op.name === "relu" && y.rank >= 2) dead.push({ layer: placeOf(model, dead.length), share: deadShare(y) });
    },
    () => run(batch.x.map(toDevice), targets),
  );
  const named = [...model.namedParameters()].filter(([, p]) => p.requiresGrad && p.rank >= 2);
  const found = grad(
    total,
    named.map(([, p]) => p),
  );
  const gradients = named.map(([name, p], i) => ({
    name,
    norm: found[i] ? lengthOf(found[i].storage.values()) : 0,
    weight: lengthOf(p.storage.values()),
  }));
  return { dead, gradients, ...answersOf(output, batch) };
}

/** The layer that runs now; functions called outside of layers of their own are counted. */
function placeOf(model: AnyModule, index: number): string {
  const layer = innermostLayer();
  const path = layer === null ? null : model.pathOf(layer);
  return path ? path : `ReLU ${index + 1}`;
}

/** Units are channels, or features: those that are 0 everywhere, for every example. */
function deadShare(y: Tensor): number {
  const values = y.storage.values();
  const [examples, units] = y.shape as [number, number];
  const positions = y.size / (examples * units);
  const alive = new Uint8Array(units);
  for (let i = 0; i < values.length; i++) if (values[i] !== 0) alive[Math.floor(i / positions) % units] = 1;
  return 1 - alive.reduce((sum, a) => sum + a, 0) / units;
}

function lengthOf(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! ** 2;
  return Math.sqrt(sum);
}

function answersOf(output: Tensor, { y, size }: TrainBatch): Pick<Evidence, "answers" | "labels"> {
  const labels = y.get("");
  if (output.rank !== 2 || output.shape[1]! < 2 || labels?.dtype !== "int32" || labels.data.length !== size) {
    return { answers: [], labels: [] };
  }
  const classes = output.shape[1]!;
  const scores = output.storage.values();
  const answers = Array.from({ length: classes }, () => 0);
  const real = [...answers];
  for (let i = 0; i < size; i++) {
    let best = 0;
    for (let c = 1; c < classes; c++) if (scores[i * classes + c]! > scores[i * classes + best]!) best = c;
    answers[best]!++;
    real[labels.data[i]!]!++;
  }
  return { answers, labels: real };
}
