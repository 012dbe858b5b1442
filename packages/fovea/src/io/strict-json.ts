/**
 * JSON for file headers: objects become Maps, and a key that occurs twice is an error.
 *
 * `JSON.parse` keeps only the last of two equal keys, and its objects treat `__proto__` in their own way; a header
 * must mean one thing to every reader.
 */
export type JsonValue = null | boolean | number | string | JsonValue[] | Map<string, JsonValue>;

const MAX_DEPTH = 64;

/** Reads a whole text as one JSON value; throws a SyntaxError that tells the place. */
export function parseStrictJson(text: string): JsonValue {
  const reader = new Reader(text);
  const value = reader.value(0);
  reader.end();
  return value;
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(depth: number): JsonValue {
    if (depth > MAX_DEPTH) this.#fail(`nested deeper than ${MAX_DEPTH}`);
    this.#space();
    const c = this.#text[this.#at];
    if (c === "{") return this.#object(depth);
    if (c === "[") return this.#array(depth);
    if (c === '"') return this.#string();
    const literal = /(?:true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)/y;
    literal.lastIndex = this.#at;
    const found = literal.exec(this.#text)?.[0];
    if (found === undefined) this.#fail(c === undefined ? "ends too early" : `unexpected ${JSON.stringify(c)}`);
    this.#at += found.length;
    return JSON.parse(found) as boolean | number | null;
  }

  end(): void {
    this.#space();
    if (this.#at < this.#text.length) this.#fail(`unexpected ${JSON.stringify(this.#text[this.#at])} after the end`);
  }

  #object(depth: number): Map<string, JsonValue> {
    const map = new Map<string, JsonValue>();
    this.#at++;
    if (this.#take("}")) return map;
    do {
      this.#space();
      const key = this.#string();
      if (map.has(key)) this.#fail(`the key ${JSON.stringify(key)} occurs twice`);
      if (!this.#take(":")) this.#fail('wanted ":"');
      map.set(key, this.value(depth + 1));
    } while (this.#take(","));
    if (!this.#take("}")) this.#fail('wanted "," or "}"');
    return map;
  }

  #array(depth: number): JsonValue[] {
    const list: JsonValue[] = [];
    this.#at++;
    if (this.#take("]")) return list;
    do list.push(this.value(depth + 1));
    while (this.#take(","));
    if (!this.#take("]")) this.#fail('wanted "," or "]"');
    return list;
  }

  #string(): string {
    const quoted = /"(?:[^"\\]|\\.)*"/y;
    quoted.lastIndex = this.#at;
    const found = quoted.exec(this.#text)?.[0];
    if (found === undefined) this.#fail("wanted a string");
    let value: string;
    try {
      value = JSON.parse(found) as string;
    } catch {
      this.#fail("a string has a bad escape or a control character");
    }
    this.#at += found.length;
    return value;
  }

  #take(mark: string): boolean {
    this.#space();
    if (this.#text[this.#at] !== mark) return false;
    this.#at++;
    return true;
  }

  #space(): void {
    while (this.#at < this.#text.length && " \t\n\r".includes(this.#text[this.#at]!)) this.#at++;
  }

  #fail(why: string): never {
    throw new SyntaxError(`${why} (character ${this.#at})`);
  }
}
