/** Constructor arguments as one line: positional ones, then the options that differ from their defaults. */
export function showArguments(
  positional: readonly (number | string)[],
  options: Readonly<Record<string, unknown>> = {},
  defaults: Readonly<Record<string, unknown>> = {},
): string {
  const all = positional.map(String);
  for (const name of Object.keys(options)) {
    const [value, usual] = [options[name], defaults[name]];
    if (value === undefined || value === usual || String(value) === String(usual)) continue;
    all.push(`${name}=${show(value)}`);
  }
  return all.join(", ");
}

function show(value: unknown): string {
  return Array.isArray(value) ? `[${value.map(show).join(", ")}]` : String(value);
}
