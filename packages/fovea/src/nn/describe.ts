/** Constructor arguments as one line: positional ones, then the options that differ from their defaults. */
export function showArguments(
  positional: readonly (number | string)[],
  options: Readonly<Record<string, unknown>> = {},
  defaults: Readonly<Record<string, unknown>> = {},
): string {
  const named = Object.entries(options)
    .filter(([name, value]) => value !== undefined && String(value) !== String(defaults[name]))
    .map(([name, value]) => `${name}=${show(value)}`);
  return [...positional, ...named].join(", ");
}

function show(value: unknown): string {
  return Array.isArray(value) ? `[${value.map(show).join(", ")}]` : String(value);
}
