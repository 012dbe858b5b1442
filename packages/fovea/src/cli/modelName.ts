import { UsageError } from "../base/errors.ts";
import { inputShape, isModelName, type ModelName } from "../models/_registry.ts";
import { CommandLineError } from "./errors.ts";

/** The name of a network, or an error that says which names there are and which one was meant. */
export function checkModelName(name: string): ModelName {
  if (isModelName(name)) return name;
  try {
    inputShape(name as ModelName);
  } catch (error) {
    if (error instanceof UsageError) throw new CommandLineError(error.message);
    throw error;
  }
  throw new CommandLineError(`there is no model "${name}"`);
}
