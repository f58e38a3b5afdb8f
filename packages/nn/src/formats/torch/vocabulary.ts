/**
 * What names mean in pickles of PyTorch. Nothing that a file names is looked up, imported or run: here stands every name that gives
 * something, and what it gives is plain data. Of all others
 *  - those of classes may stand where an object is made: it becomes an `Opaque`, whose class does nothing;
 *  - calls are refused by name, as are names in the modules by which Python runs code, wherever they stand.
 */
import { Global, Opaque } from "./opaque.js";
import type { Refuse, Vocabulary } from "./pickle.js";
import { isSize, StoragePart, tensorOf, TorchTensor, type TorchDtype, type TorchStorage } from "./tensors.js";

/** Modules that no checkpoint has a reason to name, but for what is in the table below. */
const REFUSED_MODULES: ReadonlySet<string> = new Set([
  "builtins", "__builtin__", "os", "posix", "nt", "sys", "subprocess", "commands", "popen2", "shutil", "importlib", "imp", "runpy", "pty",
  "ctypes", "socket", "code", "codeop", "operator", "types", "marshal", "pickle", "_pickle", "cPickle", "webbrowser", "timeit", "pdb", "bdb",
  "cProfile", "profile", "asyncio", "multiprocessing", "signal", "platform", "urllib", "http", "pip", "site", "pydoc", "tempfile", "io",
]);

/** The dtype of each class of storages; those that have none count bytes. */
const storages: Readonly<Record<string, TorchDtype>> = {
  FloatStorage: "float32", DoubleStorage: "float64", HalfStorage: "float16", BFloat16Storage: "bfloat16", LongStorage: "int64",
  IntStorage: "int32", ShortStorage: "int16", CharStorage: "int8", ByteStorage: "uint8", BoolStorage: "bool",
  UntypedStorage: "uint8", _UntypedStorage: "uint8",
};

const dtypes: Readonly<Record<string, TorchDtype>> = {
  "torch.float32": "float32", "torch.float64": "float64", "torch.float16": "float16", "torch.bfloat16": "bfloat16", "torch.int64": "int64",
  "torch.int32": "int32", "torch.int16": "int16", "torch.int8": "int8", "torch.uint8": "uint8", "torch.bool": "bool",
};

type Call = (args: readonly unknown[], refuse: Refuse) => unknown;

const tensorIn: Call = ([tensor], refuse) => (tensor instanceof TorchTensor ? tensor : refuse("a parameter that is no tensor"));

const rebuildTensor: Call = ([part, offset, shape, strides], refuse) => (
  part instanceof StoragePart ? tensorOf(part, part.storage.dtype, offset, shape, strides, refuse) : refuse("a tensor without a storage"));

/** Of a storage that counts bytes; the dtype stands apart. */
const rebuildTyped: Call = ([part, offset, shape, strides, , , dtype], refuse) => {
  const name = dtype instanceof Global ? dtypes[dtype.path] : undefined;
  if (!(part instanceof StoragePart) || name === undefined) return refuse("a tensor without a storage, or of a dtype that is not read");
  return tensorOf(part, name, offset, shape, strides, refuse);
};

/** Of subclasses of tensors, and tensors with attributes: the tensor alone. */
const rebuildFromType: Call = ([callee, , args], refuse) => {
  const rebuild = callee instanceof Global ? calls.get(callee.path) : undefined;
  if (rebuild === undefined || rebuild === rebuildFromType || !Array.isArray(args)) return refuse("a tensor of a class that is not known");
  return rebuild(args, refuse);
};

function listOf([values = []]: readonly unknown[], refuse: Refuse): unknown[] {
  return Array.isArray(values) ? values : refuse("a list that is made of none");
}

/** A dict from nothing, from another one, or from pairs. */
const dict: Call = ([from = []], refuse) => {
  if (from instanceof Map) return from;
  const isPairs = Array.isArray(from) && from.every((pair) => Array.isArray(pair) && pair.length === 2);
  return isPairs ? new Map(from as [unknown, unknown][]) : refuse("a dict that is made of no pairs");
};

/** "λ" -> its bytes, as Python 3 writes bytes for Python 2. */
const encode: Call = ([text, encoding], refuse) => {
  if (typeof text !== "string" || encoding !== "latin1") return refuse("bytes in another encoding than latin1");
  return bytesOf(text);
};

/** Characters U+0000 .. U+00FF as bytes. */
function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** What NumPy calls the type of a scalar: "f8"; the byte order is told to it afterwards. */
class NumpyDtype {
  order = "<";

  constructor(readonly code: string) {}
}

const numpyDtype: Call = ([code], refuse) => (typeof code === "string" ? new NumpyDtype(code.replace(/^[<|=]/, "")) : refuse("a NumPy dtype without a name"));

const scalars: Readonly<Record<string, (view: DataView) => number | bigint | boolean>> = {
  f8: (view) => view.getFloat64(0, true), f4: (view) => view.getFloat32(0, true), i8: (view) => small(view.getBigInt64(0, true)),
  i4: (view) => view.getInt32(0, true), i2: (view) => view.getInt16(0, true), i1: (view) => view.getInt8(0), u1: (view) => view.getUint8(0),
  u2: (view) => view.getUint16(0, true), u4: (view) => view.getUint32(0, true), u8: (view) => small(view.getBigUint64(0, true)),
  b1: (view) => view.getUint8(0) !== 0,
};

function small(value: bigint): number | bigint {
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

const numpyScalar: Call = ([dtype, given], refuse) => {
  const bytes = typeof given === "string" ? bytesOf(given) : given;
  if (!(dtype instanceof NumpyDtype) || !(bytes instanceof Uint8Array)) return refuse("a NumPy scalar without dtype or bytes");
  const read = Object.hasOwn(scalars, dtype.code) ? scalars[dtype.code] : undefined;
  const size = Number(/\d+$/.exec(dtype.code)?.[0]);
  if (read === undefined || size !== bytes.length || dtype.order === ">") return refuse(`a NumPy scalar of dtype ${dtype.code.slice(0, 20)}`);
  return read(new DataView(bytes.buffer, bytes.byteOffset, bytes.length));
};

/** Calls that give what stands in the pickle and no more. */
const opaque = (path: string): [string, Call] => [path, (args) => new Opaque(path, args)];

const PYTHON = ["builtins", "__builtin__"];

/** Every call that gives something. */
const calls: ReadonlyMap<string, Call> = new Map<string, Call>([
  ["torch._utils._rebuild_tensor", rebuildTensor],
  ["torch._utils._rebuild_tensor_v2", rebuildTensor],
  ["torch._utils._rebuild_tensor_v3", rebuildTyped],
  ["torch._utils._rebuild_parameter", tensorIn],
  ["torch._utils._rebuild_parameter_with_state", tensorIn],
  ["torch._tensor._rebuild_from_type_v2", rebuildFromType],
  ["torch._tensor._rebuild_from_type", rebuildFromType],
  ["torch.Size", listOf],
  ["torch.device", ([...parts]) => parts.join(":")],
  ["collections.OrderedDict", dict],
  ["collections.defaultdict", ([, ...rest], refuse) => dict(rest, refuse)],
  ["collections.Counter", dict],
  ["_codecs.encode", encode],
  ["numpy.dtype", numpyDtype],
  ...["numpy.core", "numpy._core"].flatMap((module): [string, Call][] => [
    [`${module}.multiarray.scalar`, numpyScalar], opaque(`${module}.multiarray._reconstruct`), opaque(`${module}.numeric._frombuffer`),
  ]),
  ...PYTHON.flatMap((module): [string, Call][] => [
    [`${module}.set`, (args, refuse) => new Set(listOf(args, refuse))], [`${module}.frozenset`, (args, refuse) => new Set(listOf(args, refuse))],
    [`${module}.list`, listOf], [`${module}.tuple`, listOf], [`${module}.dict`, dict],
    ...["complex", "bytearray", "slice", "range", "int", "float", "bool", "str", "object"].map((name) => opaque(`${module}.${name}`)),
  ]),
  ...["PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath"].map((name) => opaque(`pathlib.${name}`)),
  ...["datetime", "date", "timedelta"].map((name) => opaque(`datetime.${name}`)),
  ...["copyreg", "copy_reg"].map((module): [string, Call] => [`${module}._reconstructor`, ([cls], refuse) => create(cls, [], refuse)]),
]);

function call(callee: unknown, args: readonly unknown[], refuse: Refuse): unknown {
  if (!(callee instanceof Global)) return refuse("it calls what is no function");
  return calls.get(callee.path)?.(args, refuse) ?? refuse(
    `it calls ${shown(callee.path)}, and nothing that a file names is run. If you trust it, save the weights alone in Python: torch.save(model.state_dict(), path)`,
  );
}

function create(cls: unknown, args: readonly unknown[], refuse: Refuse): unknown {
  if (!(cls instanceof Global)) return refuse("it makes an object of no class");
  return calls.get(cls.path)?.(args, refuse) ?? new Opaque(cls.path, args);
}

function shown(path: string): string {
  return path.length <= 120 ? path : `${path.slice(0, 117)}...`;
}

/** ("storage", class, key, device, elements), and of old files (key of the view, offset, elements) of the storages that are views. */
function storagePart(id: unknown, refuse: Refuse): StoragePart {
  const [kind, cls, key, , elements, view] = Array.isArray(id) ? id : [];
  if (kind !== "storage" || !(cls instanceof Global)) return refuse("something outside of the pickle that is no storage");
  const dtype = storageDtype(cls.path) ?? refuse(`a storage of the class ${shown(cls.path)}, whose values are not read`);
  if (typeof key !== "string" || !isSize(elements)) return refuse("a storage without a key or a size");
  const offset = Array.isArray(view) ? view[1] as unknown : 0;
  if (!isSize(offset)) return refuse("a view of a storage that begins nowhere");
  return new StoragePart({ key, dtype, elements }, offset);
}

function storageDtype(path: string): TorchDtype | undefined {
  const name = /^torch\.(?:cuda\.|storage\.)?(\w+)$/.exec(path)?.[1] ?? "";
  return Object.hasOwn(storages, name) ? storages[name] : undefined;
}

/** The names of one file. `storages` becomes every storage that it has, by key. */
export function torchVocabulary(storages: Map<string, TorchStorage>): Vocabulary {
  return {
    global(module, name, refuse) {
      const known = new Global(module, name);
      const top = module.split(".", 1)[0]!;
      if (REFUSED_MODULES.has(top) && !calls.has(known.path)) {
        return refuse(`it names ${shown(known.path)}, by which Python runs code. Nothing was run; no honest checkpoint has it`);
      }
      return known;
    },
    call,
    create,
    build(object, state, refuse) {
      if (object instanceof Opaque) object.state = state;
      else if (object instanceof NumpyDtype) object.order = Array.isArray(state) && state[1] === ">" ? ">" : "<";
      else if (!(object instanceof Map || object instanceof TorchTensor || object instanceof Set)) refuse("it tells something to what takes nothing");
      return object;                                                          // attributes of dicts and tensors, such as _metadata, are left
    },
    persistent(id, refuse) {
      const part = storagePart(id, refuse);
      const { key, dtype, elements } = part.storage;
      const known = storages.get(key);
      if (known === undefined) storages.set(key, part.storage);
      else if (known.dtype !== dtype || known.elements !== elements) refuse(`the storage ${shown(key)} is said to be of two sizes`);
      return known === undefined ? part : new StoragePart(known, part.offset);
    },
    listOf: (object) => (object instanceof Opaque ? object.list ??= [] : undefined),
    dictOf: (object) => (object instanceof Opaque ? object.dict ??= new Map() : undefined),
  };
}
