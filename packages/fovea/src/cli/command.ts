/** A command of `fovea`: help, parsing and documentation all derive from this. */
export interface Command<Options = Record<string, unknown>> {
  readonly name: string;
  /** One line. */
  readonly summary: string;
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
