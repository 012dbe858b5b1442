import type { Call, Handlers } from "../call.ts";
import type { Value } from "../value.ts";

/** The branch that the condition chooses. The condition must be known before the graph runs, or run eagerly. */
function choose(call: Call): Value[] {
  const [condition] = call.input(0).numbers("the condition");
  return call.runBody(call.graph(condition !== 0 ? "then_branch" : "else_branch"));
}

export const controlHandlers = { If: choose } as const satisfies Handlers;
