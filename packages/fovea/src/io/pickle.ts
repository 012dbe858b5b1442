import { FormatError } from "../base/errors.ts";

/**
 * A reader of Python's pickles (protocols 2 to 5) that runs no code.
 *
 * A pickle is a program for a stack machine, and Python's may import and call anything. This one knows numbers, strings,
 * bytes, lists, tuples and dictionaries; a name to import is looked up in the table that the caller gives, and whatever
 * is not there is an error that says so. https://github.com/python/cpython/blob/main/Lib/pickletools.py
 */
export type Pickled = unknown;

/** What stands for an importable name: called with the arguments that the pickle has for it. */
export type PickleGlobal = (args: readonly Pickled[]) => Pickled;

export interface UnpickleOptions {
  /** What may be imported, as `module.name`. */
  readonly globals: ReadonlyMap<string, PickleGlobal>;
  /** What a persistent id stands for; without it, ids are an error. */
  readonly persistent?: (id: Pickled) => Pickled;
}

const text = new TextDecoder("utf-8");
const latin = new TextDecoder("latin1");

/**
 * The value of the pickle that begins at byte `at`, and where it ends. Lists and tuples are arrays, dictionaries Maps.
 *
 * Every step takes a byte of the file, so time and memory are bounded by its length. Values may be shared and may
 * contain themselves: walk them with a limit.
 */
export function unpickle(
  bytes: Uint8Array,
  at: number,
  { globals, persistent }: UnpickleOptions,
  fail: (why: string) => never,
): { value: Pickled; end: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const stack: Pickled[] = [];
  const marks: number[] = [];
  const memo = new Map<number, Pickled>();

  const take = (count: number): Uint8Array => {
    if (count > bytes.length - at) fail(`it ends in the middle of its pickle, at byte ${bytes.length}`);
    at += count;
    return bytes.subarray(at - count, at);
  };
  const unsigned = (width: 1 | 2 | 4 | 8): number => {
    const from = at;
    take(width);
    if (width === 8) return Number(view.getBigUint64(from, true));
    return width === 1 ? bytes[from]! : width === 2 ? view.getUint16(from, true) : view.getUint32(from, true);
  };
  const long = (raw: Uint8Array): number | bigint => {
    if (raw.length > 32) fail("it has a number of more than 32 bytes");
    let value = 0n;
    for (const byte of raw.toReversed()) value = (value << 8n) | BigInt(byte);
    value = BigInt.asIntN(8 * raw.length, value);
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  };
  const line = (): string => {
    const end = bytes.indexOf(10, at);
    if (end < 0) fail("it ends in the middle of a name");
    const found = latin.decode(take(end - at));
    at++;
    return found;
  };
  const pop = (): Pickled => {
    if (stack.length <= (marks.at(-1) ?? 0)) fail(`its pickle takes a value that is not there, at byte ${at}`);
    return stack.pop();
  };
  const popMark = (): Pickled[] => stack.splice(marks.pop() ?? fail(`its pickle has a mark missing, at byte ${at}`));
  const top = (): Pickled => (stack.length === 0 ? fail("its pickle takes a value that is not there") : stack.at(-1));
  const recall = (index: number): Pickled =>
    memo.has(index) ? memo.get(index) : fail(`its pickle recalls value ${index}, which was never kept`);
  const append = (items: readonly Pickled[]) => {
    const list = top();
    if (!Array.isArray(list)) return fail("its pickle appends to what is not a list");
    for (const item of items) list.push(item);
  };
  const setItems = (items: readonly Pickled[]) => {
    const target = top();
    if (!(target instanceof Map) || items.length % 2 !== 0)
      return fail("its pickle sets items of what is no dictionary");
    for (let i = 0; i < items.length; i += 2) target.set(items[i], items[i + 1]);
  };
  const dictionary = (items: readonly Pickled[]): Map<Pickled, Pickled> => {
    stack.push(new Map());
    setItems(items);
    return stack.pop() as Map<Pickled, Pickled>;
  };
  const found = (module: Pickled, name: Pickled): PickleGlobal =>
    globals.get(`${String(module)}.${String(name)}`) ??
    fail(`its pickle wants to import ${String(module)}.${String(name)}, which is not allowed: only tensors are read`);

  for (;;) {
    const opcode = unsigned(1);
    switch (String.fromCharCode(opcode)) {
      case "\x80": // PROTO
        if (unsigned(1) > 5) fail(`its pickle has protocol ${bytes[at - 1]}; 2 to 5 are known`);
        break;
      case "\x95": // FRAME
        take(8);
        break;
      case ".":
        return { value: pop(), end: at };
      case "(":
        marks.push(stack.length);
        break;
      case "0":
        pop();
        break;
      case "1":
        popMark();
        break;
      case "2":
        stack.push(top());
        break;
      case "N":
        stack.push(null);
        break;
      case "\x88":
        stack.push(true);
        break;
      case "\x89":
        stack.push(false);
        break;
      case "J":
        stack.push(unsigned(4) | 0);
        break;
      case "K":
        stack.push(unsigned(1));
        break;
      case "M":
        stack.push(unsigned(2));
        break;
      case "\x8a":
        stack.push(long(take(unsigned(1))));
        break;
      case "\x8b":
        stack.push(long(take(unsigned(4))));
        break;
      case "G":
        take(8);
        stack.push(view.getFloat64(at - 8, false));
        break;
      case "\x8c":
        stack.push(text.decode(take(unsigned(1))));
        break;
      case "X":
        stack.push(text.decode(take(unsigned(4))));
        break;
      case "\x8d":
        stack.push(text.decode(take(unsigned(8))));
        break;
      case "U":
        stack.push(latin.decode(take(unsigned(1))));
        break;
      case "T":
        stack.push(latin.decode(take(unsigned(4))));
        break;
      case "C":
        stack.push(take(unsigned(1)));
        break;
      case "B":
        stack.push(take(unsigned(4)));
        break;
      case "\x8e":
        stack.push(take(unsigned(8)));
        break;
      case "]":
      case ")":
        stack.push([]);
        break;
      case "}":
        stack.push(new Map());
        break;
      case "l":
      case "t":
        stack.push(popMark());
        break;
      case "d":
        stack.push(dictionary(popMark()));
        break;
      case "\x85":
        stack.push([pop()]);
        break;
      case "\x86": {
        const second = pop();
        stack.push([pop(), second]);
        break;
      }
      case "\x87": {
        const third = pop();
        const second = pop();
        stack.push([pop(), second, third]);
        break;
      }
      case "a":
        append([pop()]);
        break;
      case "e":
        append(popMark());
        break;
      case "s": {
        const value = pop();
        setItems([pop(), value]);
        break;
      }
      case "u":
        setItems(popMark());
        break;
      case "c":
        stack.push(found(line(), line()));
        break;
      case "\x93": {
        const name = pop();
        stack.push(found(pop(), name));
        break;
      }
      case "R": {
        const args = pop();
        const callee = pop();
        if (typeof callee !== "function" || !Array.isArray(args)) return fail("its pickle calls what is no function");
        stack.push((callee as PickleGlobal)(args));
        break;
      }
      case "b": // attributes of an object, such as a state dict's metadata: nothing here has any
        pop();
        break;
      case "q":
        memo.set(unsigned(1), top());
        break;
      case "r":
        memo.set(unsigned(4), top());
        break;
      case "\x94":
        memo.set(memo.size, top());
        break;
      case "h":
        stack.push(recall(unsigned(1)));
        break;
      case "j":
        stack.push(recall(unsigned(4)));
        break;
      case "Q":
        if (persistent === undefined) return fail("its pickle refers to data outside of it");
        stack.push(persistent(pop()));
        break;
      default:
        return fail(`its pickle has the instruction 0x${opcode.toString(16)} at byte ${at - 1}, which is not allowed`);
    }
  }
}

/** The failure of a file, for `unpickle`. */
export function pickleFailure(name: string): (why: string) => never {
  return (why) => {
    throw new FormatError(`${name} is not a sound PyTorch file: ${why}`);
  };
}
