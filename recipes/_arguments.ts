/** The word after `--name` on the command line. */
export function argument(name: string): string | undefined {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? undefined : process.argv[at + 1];
}

export function numberArgument(name: string, preset: number): number {
  const text = argument(name);
  const value = text === undefined ? preset : Number(text);
  if (!Number.isInteger(value) || value < 0) throw new Error(`--${name} must be a whole number ≥ 0, got ${text}`);
  return value;
}
