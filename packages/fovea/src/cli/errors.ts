import { FoveaError, UsageError } from "../base/errors.ts";

/** A command line that makes no sense: exit code 2. Everything else that goes wrong is 1. */
export class CommandLineError extends UsageError {
  override name = "CommandLineError";
}

/** Stopped by the user, after saving: the exit code of a program that SIGINT ended. */
export class Interrupted extends FoveaError {
  override name = "Interrupted";
}

/** Says on stderr what went wrong, in one line, and returns the exit code. */
export function reportError(error: unknown): number {
  if (process.env["FOVEA_DEBUG"] === "1") console.error(error);
  if (error instanceof Interrupted) {
    console.error(oneLine(error.message));
    return 130;
  }
  if (error instanceof FoveaError || isSystemError(error)) {
    console.error(`fovea: ${oneLine(error.message)}`);
    return error instanceof CommandLineError ? 2 : 1;
  }
  const message = error instanceof Error ? error.message : String(error);
  console.error(`fovea: ${oneLine(message)} (this is a fault of fovea; FOVEA_DEBUG=1 shows where)`);
  return 1;
}

/** Errors of the file system and the network: the user's to solve. */
function isSystemError(error: unknown): error is Error {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === "string";
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, " ");
}
