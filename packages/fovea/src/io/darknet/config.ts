import { FormatError } from "../../base/errors.ts";
import { isCount } from "../../base/shape.ts";

/** A section of a Darknet configuration, whose values are checked as they are taken. */
export class Section {
  readonly type: string;
  readonly where: string;
  readonly #values = new Map<string, string>();

  constructor(type: string, where: string) {
    this.type = type;
    this.where = where;
  }

  set(key: string, value: string): void {
    if (this.#values.has(key)) this.fail(`has ${key} twice`);
    this.#values.set(key, value);
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  text(key: string, missing: string): string {
    return this.#values.get(key) ?? missing;
  }

  /** Numbers between commas. */
  numbers(key: string): number[] {
    const text = this.#values.get(key) ?? this.fail(`has no ${key}`);
    const list = text.split(",").map((part) => (part.trim() === "" ? NaN : Number(part)));
    return list.every(Number.isFinite) ? list : this.fail(`has ${key}=${text}, which are no numbers`);
  }

  number(key: string, missing: number): number {
    const [value, ...rest] = this.has(key) ? this.numbers(key) : [missing];
    return rest.length === 0 ? value! : this.fail(`has several values of ${key}`);
  }

  count(key: string, missing: number, least = 0): number {
    const value = this.number(key, missing);
    return isCount(value, least) ? value : this.fail(`has ${key}=${value}; it must be a whole number ≥ ${least}`);
  }

  fail(why: string): never {
    throw new FormatError(`${this.where} ${why}`);
  }
}

const MAX_SECTIONS = 10_000;

/** The sections of a configuration in order; the first is the network's own, `[net]`. */
export function parseConfig(bytes: Uint8Array, name: string): Section[] {
  const sections: Section[] = [];
  const lines = new TextDecoder().decode(bytes).split(/\r?\n/);
  for (const [i, whole] of lines.entries()) {
    const line = whole.replace(/[#;].*$/, "").trim();
    if (line === "") continue;
    const where = `${name}: line ${i + 1}`;
    const type = /^\[\s*([\w-]+)\s*\]$/.exec(line)?.[1];
    if (type !== undefined) {
      if (sections.length > MAX_SECTIONS)
        throw new FormatError(`${where}: more than ${MAX_SECTIONS} layers are not sound`);
      const index = sections.length - 1;
      sections.push(new Section(type, `${name}: ${index < 0 ? "" : `layer ${index}, `}[${type}] of line ${i + 1}`));
      continue;
    }
    const [, key, value] = /^([\w-]+)\s*=\s*(.*)$/.exec(line) ?? [];
    const section = sections.at(-1);
    if (key === undefined || section === undefined) {
      throw new FormatError(`${where} is neither [a section] nor key=value: ${line.slice(0, 60)}`);
    }
    section.set(key, value!);
  }
  if (sections[0]?.type !== "net" && sections[0]?.type !== "network") {
    throw new FormatError(`${name} is no Darknet configuration: it does not begin with [net]`);
  }
  return sections;
}
