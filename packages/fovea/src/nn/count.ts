import type { AnyModule } from "./module.ts";

/** Elements of all parameters, shared ones once. Buffers do not count. */
export function countParameters(model: AnyModule): number {
  return model.parameters().reduce((n, p) => n + p.size, 0);
}
