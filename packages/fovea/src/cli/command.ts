/** A command of `fovea`; its name and a line on it are in `commands/index.ts`. */
export interface Command<Options = Record<string, unknown>> {
  /** Positional arguments as commander writes them: `<run>`, `[image...]`. */
  readonly arguments?: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly Option[];
  readonly examples: readonly (readonly [command: string, what: string])[];
  run(options: Options, args: readonly (string | readonly string[])[], given: ReadonlySet<string>): Promise<void>;
}

export interface Option {
  /** As commander writes them: `--batch-size <n>`. */
  readonly flags: string;
  readonly description: string;
  /** Checks and converts the text; throws a UsageError that says what was wanted. */
  readonly parse?: (text: string) => unknown;
  /** The value of an option whose argument may be left out, `--ema [decay]`, when it is. */
  readonly preset?: unknown;
  /** Shown in the help. */
  readonly default?: unknown;
}
