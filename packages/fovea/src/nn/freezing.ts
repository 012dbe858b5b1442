import { UsageError } from "../base/errors.ts";
import { nearest } from "../base/nearest.ts";
import type { AnyModule } from "./module.ts";
import type { Parameter } from "./parameter.ts";

/**
 * Stops training of layers, or of the whole network without paths. A frozen batch norm acts as in inference, and its
 * running statistics stay as they are, bit for bit. Make the optimizer afterwards, or leave it: it passes them over.
 *
 * @param paths As in `namedModules`: "features", "layer1.0".
 */
export function freeze(model: AnyModule, ...paths: readonly string[]): void {
  for (const module of modulesAt(model, paths)) module.freeze();
}

/** Lets layers train again, or without paths the whole network. */
export function unfreeze(model: AnyModule, ...paths: readonly string[]): void {
  for (const module of modulesAt(model, paths)) module.freeze(false);
}

/**
 * Freezes everything before a layer; it and what follows in the order of the fields trains.
 *
 * @example
 * nn.freezeTo(resnet, "layer4"); // layer4 and fc train
 */
export function freezeTo(model: AnyModule, layer: string): void {
  const before = new Set(parametersBefore(model, layer));
  for (const parameter of model.parameters()) parameter.requireGrad(!before.has(parameter));
}

/** The parameters of the modules that come before one, in the order of the fields. */
export function parametersBefore(model: AnyModule, layer: string): Parameter[] {
  modulesAt(model, [layer]);
  const order = new Map([...model.namedModules().keys()].map((path, i) => [path, i]));
  const first = order.get(layer)!;
  return Array.from(model.namedParameters()).flatMap(([name, p]) =>
    order.get(owner(name, order))! < first ? [p] : [],
  );
}

/** The path of the module that a parameter belongs to. */
export function owner(parameter: string, paths: { has(path: string): boolean }): string {
  let path = parameter;
  do path = path.includes(".") ? path.slice(0, path.lastIndexOf(".")) : "";
  while (!paths.has(path));
  return path;
}

function modulesAt(model: AnyModule, paths: readonly string[]): AnyModule[] {
  const all = model.namedModules();
  return (paths.length === 0 ? [""] : paths).map((path) => {
    const module = all.get(path);
    if (module !== undefined) return module;
    const near = nearest(path, all.keys());
    throw new UsageError(
      `${model.constructor.name} has no layer "${path}"${near === null ? "; namedModules() has all" : `; did you mean "${near}"?`}`,
    );
  });
}
