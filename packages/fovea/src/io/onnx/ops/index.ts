import type { Handlers } from "../call.ts";
import { activationHandlers } from "./activation.ts";
import { arithmeticHandlers } from "./arithmetic.ts";
import { controlHandlers } from "./control.ts";
import { convolutionHandlers } from "./convolution.ts";
import { elementwiseHandlers } from "./elementwise.ts";
import { gatherHandlers } from "./gather.ts";
import { linearHandlers } from "./linear.ts";
import { lossHandlers } from "./losses.ts";
import { normalisationHandlers } from "./normalisation.ts";
import { poolingHandlers } from "./pooling.ts";
import { reduceHandlers } from "./reduce.ts";
import { resizeHandlers } from "./resize.ts";
import { selectionHandlers } from "./selection.ts";
import { shapeHandlers } from "./shape.ts";

const table = {
  ...activationHandlers,
  ...arithmeticHandlers,
  ...controlHandlers,
  ...convolutionHandlers,
  ...elementwiseHandlers,
  ...gatherHandlers,
  ...linearHandlers,
  ...lossHandlers,
  ...normalisationHandlers,
  ...poolingHandlers,
  ...reduceHandlers,
  ...resizeHandlers,
  ...selectionHandlers,
  ...shapeHandlers,
} as const satisfies Handlers;

/** A supported operator of the standard domain. */
export type OnnxOperator = keyof typeof table;

/** What each of them does. */
export const handlers: Handlers = table;

/** Their names, sorted. */
export const onnxOperators: readonly string[] = Object.keys(handlers).toSorted();
