import { isCount } from "../base/shape.ts";
import { elementBytes, readElements, type StoredDType, type StoredTensor } from "./safetensors.ts";
import { pickleFailure, unpickle, type Pickled, type PickleGlobal } from "./pickle.ts";
import { readZip } from "./zip.ts";

/** Tensors may share memory in a file, but not be copied out to more than so many times its length. */
const MAX_EXPANSION = 8;
/** Dictionaries in dictionaries, and values in all, that are searched for tensors. */
const MAX_DEPTH = 32;
const MAX_VALUES = 1_000_000;

const storageTypes: Readonly<Record<string, StoredDType>> = {
  BFloat16Storage: "BF16",
  BoolStorage: "BOOL",
  ByteStorage: "U8",
  CharStorage: "I8",
  DoubleStorage: "F64",
  FloatStorage: "F32",
  HalfStorage: "F16",
  IntStorage: "I32",
  LongStorage: "I64",
  ShortStorage: "I16",
};

const isSize = (value: Pickled): value is number => typeof value === "number" && isCount(value);

/** The memory of one or several tensors: bytes that are elsewhere in the file. */
class StorageReference {
  readonly dtype: StoredDType;
  readonly key: string;
  readonly elements: number;

  constructor(dtype: StoredDType, key: string, elements: number) {
    this.dtype = dtype;
    this.key = key;
    this.elements = elements;
  }
}

/** A window on a storage. */
class TensorReference {
  readonly storage: StorageReference;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];

  constructor(storage: StorageReference, offset: number, shape: readonly number[], strides: readonly number[]) {
    this.storage = storage;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

/**
 * The tensors of a file that `torch.save` wrote: a zip archive (since PyTorch 1.6) or the older sequence of pickles.
 *
 * Names are the keys on the way to a tensor, joined by dots: `state_dict.conv1.weight`. Everything but dictionaries,
 * lists and tensors is passed over. Nothing in the file is executed; a pickle that wants to import something else than
 * tensors is refused. `name` appears in the errors, which are FormatErrors.
 */
export function parseTorch(bytes: Uint8Array, name: string): Map<string, StoredTensor> {
  const fail = pickleFailure(name);
  const zipped = bytes[0] === 0x50 && bytes[1] === 0x4b;
  return zipped
    ? parseTorchArchive(readZip(bytes, name), bytes.length, name)
    : collect(openLegacy(bytes, fail), bytes.length, fail);
}

/** The same for the files of an archive that is `length` bytes long. */
export function parseTorchArchive(
  files: ReadonlyMap<string, Uint8Array>,
  length: number,
  name: string,
): Map<string, StoredTensor> {
  const fail = pickleFailure(name);
  return collect(openArchive(files, fail), length, fail);
}

/** Whether a file begins with the magic number of PyTorch before 1.6. */
export const isLegacyTorch = (bytes: Uint8Array): boolean => MAGIC.every((byte, i) => bytes[i] === byte);

const MAGIC = [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

function collect({ root, dataOf }: Opened, length: number, fail: (why: string) => never): Map<string, StoredTensor> {
  const found = new Map<string, TensorReference>();
  let visited = 0;
  const search = (value: Pickled, path: string, depth: number): void => {
    if (++visited > MAX_VALUES || depth > MAX_DEPTH) fail("its dictionaries are nested too deeply, or into themselves");
    if (value instanceof TensorReference) found.set(path, value);
    else if (value instanceof Map || Array.isArray(value)) {
      for (const [key, item] of value.entries() as Iterable<[Pickled, Pickled]>) {
        if (typeof key !== "string" && typeof key !== "number") continue;
        search(item, path === "" ? String(key) : `${path}.${key}`, depth + 1);
      }
    }
  };
  search(root, "", 0);

  let budget = MAX_EXPANSION * length;
  const tensors = new Map<string, StoredTensor>();
  for (const [key, tensor] of found) {
    const size = tensor.shape.reduce((n, d) => n * d, 1);
    budget -= size * elementBytes(tensor.storage.dtype);
    if (budget < 0) fail(`its tensors are more than ${MAX_EXPANSION} times as large as the file`);
    tensors.set(key, readTensor(tensor, size, dataOf(tensor.storage)));
  }
  return tensors;
}

interface Opened {
  readonly root: Pickled;
  dataOf(storage: StorageReference): Uint8Array;
}

/** An archive with the pickle in `…/data.pkl` and every storage in a file of its own, `…/data/<key>`. */
function openArchive(files: ReadonlyMap<string, Uint8Array>, fail: (why: string) => never): Opened {
  const main = [...files.keys()].find((file) => /^[^/]+\/data\.pkl$/.test(file));
  if (main === undefined) return fail("the archive has no data.pkl");
  const folder = main.slice(0, -"data.pkl".length);
  const order = files.get(`${folder}byteorder`);
  if (order !== undefined && new TextDecoder().decode(order) !== "little") return fail("its byte order is not little");
  const { value } = unpickle(files.get(main)!, 0, machine(fail), fail);
  return {
    root: value,
    dataOf: ({ key, dtype, elements }) => {
      const data = files.get(`${folder}data/${key}`);
      if (data === undefined) return fail(`the storage ${JSON.stringify(key)} is not in the archive`);
      if (data.length !== elements * elementBytes(dtype)) {
        return fail(`the storage ${JSON.stringify(key)} has ${data.length} bytes for ${elements} ${dtype}`);
      }
      return data;
    },
  };
}

/** Five pickles (magic number, version, machine, contents, keys of storages), then the storages in that order. */
function openLegacy(bytes: Uint8Array, fail: (why: string) => never): Opened {
  const options = machine(fail);
  let at = 0;
  const next = (): Pickled => {
    const { value, end } = unpickle(bytes, at, options, fail);
    at = end;
    return value;
  };
  if (next() !== 0x1950a86a20f9469cfc6cn) return fail("it begins neither like a zip archive nor with PyTorch's number");
  if (next() !== 1001) return fail("it has another protocol than 1001");
  const system = next();
  if (!(system instanceof Map) || system.get("little_endian") !== true) return fail("its byte order is not little");
  const root = next();
  const keys = next();
  if (!Array.isArray(keys) || !keys.every((key) => typeof key === "string"))
    return fail("its list of storages is damaged");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const places = new Map<string, { start: number; elements: number }>();
  // How wide elements are stands in the contents only.
  const widths = new Map(Array.from(options.storages, ({ key, dtype }) => [key, elementBytes(dtype)]));
  for (const key of keys as string[]) {
    const width = widths.get(key);
    if (width === undefined || at + 8 > bytes.length) return fail(`the storage ${JSON.stringify(key)} is not there`);
    const elements = Number(view.getBigInt64(at, true));
    const start = at + 8;
    if (elements < 0 || elements * width > bytes.length - start)
      return fail(`its storages are cut short at byte ${at}`);
    places.set(key, { start, elements });
    at = start + elements * width;
  }
  return {
    root,
    dataOf: ({ key, dtype, elements }) => {
      const place = places.get(key);
      if (place?.elements !== elements || elementBytes(dtype) !== widths.get(key)) {
        return fail(`the storage ${JSON.stringify(key)} is not what the contents say`);
      }
      return bytes.subarray(place.start, place.start + elements * elementBytes(dtype));
    },
  };
}

/** What a pickle of tensors may import, and what its persistent ids are: storages, which are noted. */
function machine(fail: (why: string) => never) {
  const storages: StorageReference[] = [];
  const rebuild: PickleGlobal = (args) => {
    const [storage, offset, shape, strides] = args;
    const sizes = (v: unknown): v is number[] => Array.isArray(v) && v.length <= 64 && v.every(isSize);
    if (!(storage instanceof StorageReference) || !isSize(offset) || !sizes(shape) || !sizes(strides)) {
      return fail("a tensor in it has no storage, or sizes that are none");
    }
    if (shape.length !== strides.length) return fail("a tensor in it has as many strides as axes not");
    const last = shape.includes(0) ? -1 : shape.reduce((sum, d, k) => sum + (d - 1) * strides[k]!, offset);
    const size = shape.reduce((n, d) => n * d, 1);
    if (last >= storage.elements || size > storage.elements) {
      return fail(`a tensor [${shape.join(", ")}] in it does not fit its storage of ${storage.elements} elements`);
    }
    return new TensorReference(storage, offset, [...shape], [...strides]);
  };
  const globals = new Map<string, PickleGlobal>([
    ["collections.OrderedDict", () => new Map()],
    ["torch.Size", ([sizes]) => sizes],
    ["torch._utils._rebuild_parameter", ([tensor]) => tensor],
    ["torch._utils._rebuild_tensor", rebuild],
    ["torch._utils._rebuild_tensor_v2", rebuild],
  ]);
  const types = new Map<Pickled, StoredDType>();
  for (const [type, dtype] of Object.entries(storageTypes)) {
    const never: PickleGlobal = () => fail(`it makes a torch.${type} of its own`);
    types.set(never, dtype);
    globals.set(`torch.${type}`, never);
  }
  const persistent = (id: Pickled): StorageReference => {
    const [kind, type, key, , elements, part] = Array.isArray(id) ? (id as Pickled[]) : [];
    const dtype = types.get(type);
    if (kind !== "storage" || dtype === undefined || typeof key !== "string" || !isSize(elements)) {
      return fail("it refers to data that is no storage of tensors");
    }
    if (part !== undefined && part !== null)
      return fail("it has storages that are parts of others, as before PyTorch 0.4");
    const storage = new StorageReference(dtype, key, elements);
    storages.push(storage);
    return storage;
  };
  return { globals, persistent, storages };
}

/** The elements of a window in row-major order. */
function readTensor(
  { storage, offset, shape, strides }: TensorReference,
  size: number,
  data: Uint8Array,
): StoredTensor {
  const { dtype } = storage;
  const width = elementBytes(dtype);
  let dense = 1;
  const contiguous = shape.toReversed().every((d, i) => {
    const fits = d === 1 || strides.at(-1 - i) === dense;
    dense *= d;
    return fits;
  });
  if (contiguous || size === 0) {
    return { dtype, shape, data: readElements(data.subarray(offset * width, (offset + size) * width), dtype) };
  }
  const bytes = new Uint8Array(size * width);
  const index = shape.map(() => 0);
  let from = offset;
  for (let i = 0; i < size; i++) {
    bytes.set(data.subarray(from * width, (from + 1) * width), i * width);
    for (let k = shape.length - 1; k >= 0; k--) {
      from += strides[k]!;
      if (++index[k]! < shape[k]!) break;
      from -= shape[k]! * strides[k]!;
      index[k] = 0;
    }
  }
  return { dtype, shape, data: readElements(bytes, dtype) };
}
