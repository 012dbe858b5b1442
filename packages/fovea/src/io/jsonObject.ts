import { FormatError } from "../base/errors.ts";
import { isCount } from "../base/shape.ts";
import { parseStrictJson, type JsonValue } from "./strict-json.ts";

/** A JSON object of a file, whose members are checked as they are taken. `where` begins the errors. */
export class JsonObject {
  readonly where: string;
  readonly #map: ReadonlyMap<string, JsonValue>;

  constructor(value: JsonValue | undefined, where: string) {
    this.where = where;
    if (!(value instanceof Map)) throw new FormatError(`${where} is not a JSON object`);
    this.#map = value;
  }

  static parse(text: string | Uint8Array, where: string): JsonObject {
    let value: JsonValue;
    try {
      value = parseStrictJson(typeof text === "string" ? text : new TextDecoder("utf-8", { fatal: true }).decode(text));
    } catch (error) {
      throw new FormatError(`${where} is not JSON: ${(error as Error).message}`);
    }
    return new JsonObject(value, where);
  }

  get keys(): string[] {
    return [...this.#map.keys()];
  }

  has(key: string): boolean {
    return this.#map.has(key);
  }

  get(key: string): JsonValue | undefined {
    return this.#map.get(key);
  }

  text(key: string): string {
    const value = this.#map.get(key);
    return typeof value === "string" ? value : this.fail(`has no text ${JSON.stringify(key)}`);
  }

  list(key: string): JsonValue[] {
    const value = this.#map.get(key);
    return Array.isArray(value) ? value : this.fail(`has no list ${JSON.stringify(key)}`);
  }

  /** Whole numbers ≥ 0. */
  counts(key: string): number[] {
    const list = this.list(key);
    return list.every((n) => typeof n === "number" && isCount(n))
      ? (list as number[])
      : this.fail(`has a list ${JSON.stringify(key)} that is not of whole numbers`);
  }

  object(key: string): JsonObject {
    return new JsonObject(this.#map.get(key), `${this.where}: ${key}`);
  }

  objects(key: string): JsonObject[] {
    return this.list(key).map((value, i) => new JsonObject(value, `${this.where}: ${key}[${i}]`));
  }

  fail(why: string): never {
    throw new FormatError(`${this.where} ${why}`);
  }
}
