/** Pickles by hand that mean harm: what they ask for, and what the refusal must say. */
import { torchZip, zip } from "./zips.js";

export interface Attack {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** What the refusal says; undefined where the file may open, because nothing of it harms. */
  readonly says: RegExp | undefined;
}

const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "latin1"));
const u32 = (n: number): string => String.fromCharCode(n & 255, (n >>> 8) & 255, (n >>> 16) & 255, n >>> 24);
const short = (text: string): string => `\x8c${String.fromCharCode(text.length)}${text}`;
const many = (text: string, n: number): string => text.repeat(n);
const tensor = (elements: number, key: string, offset: string, shape: string, strides: string): string =>
  `ctorch._utils\n_rebuild_tensor_v2\n((${short("storage")}ctorch\nFloatStorage\n${short(key)}${short("cpu")}J${u32(elements)}tQ${offset}${shape}${strides}\x89ccollections\nOrderedDict\n)RtR`;
const one = new Uint8Array(4);

/** The first bytes of the format before 1.6, up to the value. */
const LEGACY = `\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e\x80\x02M\xe9\x03.\x80\x02}(${short("little_endian")}\x88u.`;

const code: readonly (readonly [name: string, pickle: string, says: RegExp])[] = [
  ["os.system by REDUCE", "cos\nsystem\n(S'touch harm'\ntR.", /names os\.system/],
  ["posix.system by REDUCE", "cposix\nsystem\n(S'touch harm'\ntR.", /names posix\.system/],
  ["builtins.eval by STACK_GLOBAL", `\x80\x04${short("builtins")}${short("eval")}\x93${short("1")}\x85R.`, /names builtins\.eval/],
  ["__builtin__.eval of Python 2", "c__builtin__\neval\n(S'1'\ntR.", /names __builtin__\.eval/],
  ["builtins.exec, never called", "cbuiltins\nexec\n0N.", /names builtins\.exec/],
  ["builtins.getattr", "cbuiltins\ngetattr\n(ccollections\nOrderedDict\nS'__init__'\ntR.", /names builtins\.getattr/],
  ["os.system by INST", "(S'touch harm'\nios\nsystem\n.", /names os\.system/],
  ["os.system by OBJ", "(cos\nsystem\nS'touch harm'\no.", /names os\.system/],
  ["os.system by NEWOBJ", "cos\nsystem\n)\x81.", /names os\.system/],
  ["os.system beside honest tensors", `}(${short("weight")}${tensor(1, "0", "K\0", "K\x01\x85", "K\x01\x85")}${short("x")}cos\nsystem\n(S'touch harm'\ntRu.`, /names os\.system/],
  ["subprocess.Popen", "csubprocess\nPopen\n(S'ls'\ntR.", /names subprocess\.Popen/],
  ["a part of a module that is refused", "cos.path\njoin\n.", /names os\.path\.join/],
  ["runpy._run_code", "crunpy\n_run_code\n(S'1'\ntR.", /names runpy\._run_code/],
  ["torch.hub.load", "ctorch.hub\nload\n(S'a/b'\ntR.", /calls torch\.hub\.load/],
  ["torch.load", "ctorch\nload\n(S'a'\ntR.", /calls torch\.load/],
  ["functools.partial, called again", "cfunctools\npartial\n(S'x'\ntR)R.", /calls functools\.partial/],
  ["a function of a package", "cnumpy.testing._private.utils\nrunstring\n(S'1'\ntR.", /calls numpy\.testing\._private\.utils\.runstring/],
  ["a call of a call", "ccollections\nOrderedDict\n)R)R.", /calls what is no function/],
  ["a call of a text", "S'os.system'\n)R.", /calls what is no function/],
  ["an object of a text", "S'os.system'\n)\x81.", /object of no class/],
  ["a tensor built by another function", "ctorch._tensor\n_rebuild_from_type_v2\n(cbuiltins\nset\ncos.x\ny\n)N tR.", /names os\.x\.y/],
  ["a tensor's class within itself", "ctorch._tensor\n_rebuild_from_type_v2\nq\0(h\0N(h\0N)NtNtR.", /class that is not known/],
  ["an object of what makes objects", "ccopyreg\n_reconstructor\nq\0(h\0tR.", /object of no class|recalls/],
  ["BUILD upon what takes nothing", "]}b.", /what takes nothing/],
  ["an extension code", "\x82\x01.", /operation 0x82/],
  ["a buffer out of band", "\x97.", /operation 0x97/],
  ["an unknown operation", "\0.", /operation 0x00/],
  ["protocol 255", "\x80\xff.", /protocol 255/],
];

const sizes: readonly (readonly [name: string, pickle: string, says: RegExp | undefined])[] = [
  ["a text of 4 GB", `X${u32(0xffffffff)}a.`, /ends in the middle/],
  ["a text of 2^60 bytes", `\x8d\0\0\0\0\0\0\0\x10a.`, /bytes of text/],
  ["bytes of 2^63", `\x8e\0\0\0\0\0\0\0\x80a.`, /bytes of text/],
  ["a whole number of 2 GB", `\x8b${u32(0x7fffffff)}1.`, /a whole number of/],
  ["a whole number of negative length", `\x8b${u32(0xffffffff)}1.`, /a whole number of -1/],
  ["a whole number of a million digits", `L${many("9", 1e6)}L\n.`, /whole number/],
  ["a line of 2 MB", `S'${many("a", 2e6)}'\n.`, /a line of more than/],
  ["a frame of 2^63 bytes", `\x80\x04\x95\0\0\0\0\0\0\0\x80N.`, /bytes of text/],
  ["100,000 lists within each other", `${many("]", 1e5)}${many("a", 1e5 - 1)}.`, /containers within each other/],
  ["100,000 tuples within each other", `)${many("\x85", 1e5)}.`, /containers within each other/],
  ["100,000 marks", `${many("(", 1e5)}.`, /containers within each other/],
  ["100,000 dicts within each other", `${many(`}${short("a")}`, 1e5)}N${many("s", 1e5)}.`, /containers within each other/],
  ["100,000 objects within each other", `${many("cm\nC\n)\x81", 1e5)}${many("b", 1e5 - 1)}.`, /containers within each other/],
  ["a list within itself", "]q\0h\0a.", undefined],
  ["a dict within itself", `}q\0${short("a")}h\0s.`, undefined],
  ["a billion laughs", `]q\0${Array.from({ length: 30 }, (_, i) => `(${many(`h${String.fromCharCode(i)}`, 10)}lq${String.fromCharCode(i + 1)}`).join("")}.`, undefined],
  ["a remembered list made a set again and again", `(${many("K\x01", 4e5)}lq\0(${many("cbuiltins\nset\nh\0\x85R", 4000)}l.`, /calls that are given more than/],
  ["a remembered text made bytes again and again", `(X${u32(1e6)}${many("a", 1e6)}q\0${many(`c_codecs\nencode\n(h\0${short("latin1")}tR`, 4000)}l.`, /calls that are given more than/],
  ["millions of lists", `(${many("]", 3e6)}l.`, /more than \d+ (objects|values)/],
  ["millions of dicts, thrown away", `${many("}0", 3e6)}N.`, /more than \d+ objects/],
  ["millions of names", `${many("ca\nb\n0", 2e6)}N.`, /more than \d+ objects/],
  ["millions of objects of unknown classes", `cm\nC\nq\0(${many("h\0)\x81", 2e6)}l.`, /more than \d+ (objects|values)/],
  ["millions of values", `(${many("K\x01", 4e6)}l.`, /more than \d+/],
  ["millions of operations", `${many("N0", 4e6)}N.`, /more than \d+ operations/],
  ["millions of remembered values", `N${Array.from({ length: 2 ** 20 }, (_, i) => `r${u32(i)}`).join("")}.`, /more than \d+ remembered/],
  ["a place to remember far away", `Nr${u32(0xffffffff)}.`, undefined],
  ["a value that was not remembered", "h\x05.", /recalls a value/],
  ["nothing on the stack", "0.", /takes a value where there is none/],
  ["no mark", "t.", /back to a mark/],
  ["values below a mark", "N(a.", /takes/],
  ["a key without a value", "(N d.".replace(" ", ""), /key without a value/],
  ["a key twice", `}(${short("a")}N${short("a")}Nu.`, /stands twice/],
  ["no end", "N", /ends in the middle/],
  ["nothing at all", "", /ends in the middle/],
  ["a key __proto__", `}(${short("__proto__")}}${short("constructor")}}u.`, undefined],
];

const tensors: readonly (readonly [name: string, pickle: string, says: RegExp])[] = [
  ["a shape of 2^62 elements", tensor(1, "0", "K\0", `J${u32(0x7fffffff)}J${u32(0x7fffffff)}\x86`, "K\0K\0\x86"), /outside of its storage|repeats the elements/],
  ["an expansion to 2^30 elements", tensor(1, "0", "K\0", `J${u32(2 ** 30)}\x85`, "K\0\x85"), /repeats the elements/],
  ["an expansion to 2^24 elements, nine times", Array.from({ length: 9 }, (_, i) => `${i === 0 ? "" : `s${short(`a${i}`)}`}${tensor(1, "0", "K\0", `J${u32(2 ** 24)}\x85`, "K\0\x85")}`).join(""), /repeat the elements/],
  ["a negative stride", tensor(1, "0", "K\0", "K\x01\x85", `J${u32(0xffffffff)}\x85`), /without shape or strides/],
  ["a negative offset", tensor(1, "0", `J${u32(0xffffffff)}`, "K\x01\x85", "K\x01\x85"), /begins nowhere/],
  ["an offset beyond the storage", tensor(1, "0", "K\x01", "K\x01\x85", "K\x01\x85"), /outside of its storage/],
  ["more strides than axes", tensor(1, "0", "K\0", "K\x01\x85", "K\x01K\x01\x86"), /without shape or strides/],
  ["a storage that is not there", tensor(1, "7", "K\0", "K\x01\x85", "K\x01\x85"), /storage "7" is not as its pickle says/],
  ["a storage of another size", tensor(2, "0", "K\0", "K\x01\x85", "K\x01\x85"), /expected 8 bytes/],
  ["a storage by a way upwards", tensor(1, "../../0", "K\0", "K\x01\x85", "K\x01\x85"), /is not as its pickle says/],
  ["a shape of a text", tensor(1, "0", "K\0", short("ab"), "K\x01\x85"), /without shape or strides/],
  ["a shape of fractions", tensor(1, "0", "K\0", "G?\xf8\0\0\0\0\0\0\x85", "K\x01\x85"), /without shape or strides/],
  ["a tensor of no storage", "ctorch._utils\n_rebuild_tensor_v2\n(NK\0))\x89NtR", /without a storage/],
  ["a persistent id that is a text", "Pos.system\n", /no storage/],
  ["a storage of an unknown class", `(${short("storage")}cos2\nStorage\n${short("0")}${short("cpu")}K\x01tQ`, /class os2\.Storage/],
];

const entry = (name: string, data: Uint8Array) => ({ name, data });
const pickle = bytesOf(`}(${short("a")}${tensor(1, "0", "K\0", "K\x01\x85", "K\x01\x85")}u.`);
const [archive, storage] = [entry("archive/data.pkl", pickle), entry("archive/data/0", one)];
const sound = zip([archive, storage]);

const archives: readonly Attack[] = [
  { name: "a bomb: 100 MB of zeros, deflated", says: /as no weights do/, bytes: zip([{ name: "archive/data.pkl", data: new Uint8Array(1e8), deflated: true }]) },
  { name: "a bomb that says it is small", says: /not of the size that is said/, bytes: zip([{ name: "archive/data.pkl", data: new Uint8Array(1e8), deflated: true, says: { size: 1000 } }]) },
  { name: "a deflated storage that says more than it holds", says: /is damaged|is not as its pickle says/, bytes: zip([archive, { name: "archive/data/0", data: new Uint8Array(3), deflated: true, says: { size: 4 } }]) },
  { name: "a way upwards", says: /leads out of the archive/, bytes: zip([archive, storage, entry("../../etc/passwd", one)]) },
  { name: "a way from the root", says: /leads out of the archive/, bytes: zip([archive, storage, entry("/etc/passwd", one)]) },
  { name: "a way of Windows", says: /leads out of the archive/, bytes: zip([archive, storage, entry("..\\x", one)]) },
  { name: "a name twice", says: /stands twice/, bytes: zip([archive, storage, archive]) },
  { name: "two pickles", says: /none of torch\.save/, bytes: zip([archive, storage, entry("other/data.pkl", pickle)]) },
  { name: "entries that overlap", says: /overlaps/, bytes: zip([archive, { ...storage, says: { begin: 10 } }]) },
  { name: "an entry at the place of another", says: /another one where it lies|overlaps/, bytes: zip([{ ...archive, says: { begin: archive.data.length + 46 } }, storage]) },
  { name: "an entry outside of the file", says: /overlaps|outside/, bytes: zip([archive, { ...storage, says: { begin: 0x7fffffff } }]) },
  { name: "an entry of 4 GB", says: /grow|overlaps|two sizes/, bytes: zip([archive, { ...storage, says: { size: 0xfffffff0, packed: 0xfffffff0 } }]) },
  { name: "sizes that differ", says: /two sizes/, bytes: zip([archive, { ...storage, says: { size: 8 } }]) },
  { name: "an encrypted entry", says: /encrypted/, bytes: zip([{ ...archive, says: { flags: 1 } }, storage]) },
  { name: "another method", says: /method 99/, bytes: zip([{ ...archive, says: { method: 99 } }, storage]) },
  { name: "a directory outside of the file", says: /outside of the file/, bytes: zip([archive, storage], { offset: 0x7fffffff }) },
  { name: "a directory of 4 GB", says: /more than are read|64-bit/, bytes: zip([archive, storage], { length: 0xfffffff0 }) },
  { name: "a directory with more entries than it has", says: /entry 2 of its directory is missing/, bytes: zip([archive, storage], { count: 60000 }) },
  { name: "a 64-bit directory that is missing", says: /64-bit directory is missing/, bytes: zip([archive, storage], { offset: 0xffffffff }) },
  { name: "a program of TorchScript", says: /TorchScript/, bytes: zip([archive, storage, entry("archive/code/__torch__.py", one)]) },
  { name: "big-endian", says: /byte order "big"/, bytes: zip([archive, storage, entry("archive/byteorder", bytesOf("big"))]) },
  { name: "an archive of other things", says: /none of torch\.save/, bytes: zip([entry("readme", one)]) },
  { name: "an empty archive", says: /none of torch\.save|no file of torch\.save/, bytes: zip([]) },
  { name: "half an archive", says: /cut off/, bytes: sound.slice(0, sound.length >> 1) },
  { name: "one byte", says: /no file of torch\.save/, bytes: Uint8Array.of(0x50) },
  { name: "nothing", says: /no file of torch\.save/, bytes: new Uint8Array(0) },
  { name: "a pickle alone", says: /no file of torch\.save/, bytes: bytesOf("cos\nsystem\n(S'touch harm'\ntR.") },
];

/** Tensors that share one storage of 1 MB, a thousand times. */
const shared = Array.from({ length: 1000 }, (_, i) => `${short(`t${i}`)}${tensor(2 ** 18, "0", "K\0", `J${u32(2 ** 18)}\x85`, "K\x01\x85")}`).join("");

/** Every attack, those of pickles within an archive and in the format before 1.6; one after another, as some are large. */
export function* attacks(): Iterable<Attack> {
  for (const [name, text, says] of [...code, ...sizes]) {
    yield { name, says, bytes: torchZip(bytesOf(text), { 0: one }) };
    yield { name: `${name}, before 1.6`, says: says ?? /storages are refused|ends in the middle/, bytes: bytesOf(`${LEGACY}${text}`) };
  }
  for (const [name, text, says] of tensors) yield { name, says, bytes: torchZip(bytesOf(`}${short("a")}${text}s.`), { 0: one }) };
  const legacy = `${LEGACY}${tensor(1, "0", "K\0", "K\x01\x85", "K\x01\x85")}.](${short("0")}e.`;
  yield { name: "a storage of another length, before 1.6", says: /has 2 elements, not 1/, bytes: bytesOf(`${legacy}\x02\0\0\0\0\0\0\0abcdefgh`) };
  yield { name: "a storage beyond the end, before 1.6", says: /it may be cut off/, bytes: bytesOf(legacy) };
  yield { name: "a thousand tensors of one storage", says: /repeat the elements/, bytes: torchZip(bytesOf(`}(${shared}u.`), { 0: new Uint8Array(2 ** 20) }) };
  yield* archives;
}
