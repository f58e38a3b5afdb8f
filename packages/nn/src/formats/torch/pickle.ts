/**
 * A reader of pickles that executes nothing. A pickle is a program for a machine with a stack: it puts down values, gathers them into
 * containers, names globals and asks for calls. Here values and containers are made; what globals and calls mean is up to a
 * `Vocabulary`, which makes of a few known ones plain data, and refuses the rest. Protocols 0 to 5 of Python's pickletools, but for
 * extension codes, and buffers out of band.
 */
import { PickleBytes } from "./pickle-bytes.js";
import { checkNesting } from "./nesting.js";

/** What the names in a pickle mean. Each throws CheckpointError for what it does not know; `refuse` says where. */
export interface Vocabulary {
  global(module: string, name: string, refuse: Refuse): unknown;
  /** A call of what `global` gave. */
  call(callee: unknown, args: readonly unknown[], refuse: Refuse): unknown;
  /** A new object of a class that `global` gave. */
  create(cls: unknown, args: readonly unknown[], refuse: Refuse): unknown;
  /** What an object is told after it was made. */
  build(object: unknown, state: unknown, refuse: Refuse): unknown;
  /** What lies outside of the pickle: storages. */
  persistent(id: unknown, refuse: Refuse): unknown;
  /** The list within an object of a subclass of list; undefined where it is none. */
  listOf(object: unknown): unknown[] | undefined;
  /** The dict within an object of a subclass of dict. */
  dictOf(object: unknown): Map<unknown, unknown> | undefined;
}

export type Refuse = (reason: string) => never;

/** A file of ten thousand tensors takes half a million operations, and has a hundred thousand objects. */
const MAX_OPERATIONS = 2 ** 21;
/** Containers, objects and names. */
const MAX_OBJECTS = 2 ** 19;
/** Values on the stack, and values that are remembered. */
const MAX_STACK = 2 ** 19;
/** Values that calls are given, a text one for 16 characters: what a list becomes again and again adds up. */
const MAX_ARGUMENTS = 2 ** 21;
/** Containers that are being filled at once. */
const MAX_MARKS = 1000;

/**
 * The value that a pickle describes, and where it ends: numbers, bigints, strings, Uint8Arrays, arrays for lists and tuples, Maps for
 * dicts, Sets, and what the vocabulary makes.
 * @throws CheckpointError naming the byte, for what is not a pickle, ends early, is refused by the vocabulary or is larger or deeper
 *   than any file of PyTorch.
 */
export function unpickle(bytes: Uint8Array, vocabulary: Vocabulary, source: string, from = 0): { value: unknown; end: number } {
  const machine = new Machine(new PickleBytes(bytes, from, source), vocabulary);
  const value = machine.run();
  checkNesting(value, source);
  return { value, end: machine.input.at };
}

type Operation = (m: Machine) => void;

class Machine {
  private readonly stack: unknown[] = [];
  private readonly marks: number[] = [];
  private readonly memo = new Map<number, unknown>();
  private objects = 0;
  private given = 0;
  readonly refuse: Refuse = (reason) => this.input.refuse(reason);

  constructor(readonly input: PickleBytes, readonly names: Vocabulary) {}

  run(): unknown {
    for (let done = 0; done < MAX_OPERATIONS; done++) {
      const code = this.input.u8();
      if (code === STOP) return this.pop();
      const operation = operations[code];
      if (operation === undefined) return this.refuse(`operation 0x${code.toString(16).padStart(2, "0")} is none that is read`);
      operation(this);
    }
    return this.refuse(`more than ${MAX_OPERATIONS} operations`);
  }

  push(value: unknown): void {
    if (this.stack.length >= MAX_STACK) this.refuse(`more than ${MAX_STACK} values at once`);
    this.stack.push(value);
  }

  /** Puts down a new container or object. */
  add(value: unknown): void {
    if (++this.objects > MAX_OBJECTS) this.refuse(`more than ${MAX_OBJECTS} objects`);
    this.push(value);
  }

  /** Puts down what a call, or a new object, is made of these arguments. */
  make(how: "call" | "create", callee: unknown, args: readonly unknown[]): void {
    for (const arg of args) this.given += sizeOf(arg);
    if (this.given > MAX_ARGUMENTS) this.refuse(`calls that are given more than ${MAX_ARGUMENTS} values`);
    this.add(this.names[how](callee, args, this.refuse));
  }

  private get floor(): number {
    return this.marks.at(-1) ?? 0;
  }

  pop(): unknown {
    if (this.stack.length <= this.floor) this.refuse("it takes a value where there is none");
    return this.stack.pop();
  }

  popTuple(n: number): unknown[] {
    if (this.stack.length - n < this.floor) this.refuse("it takes values where there are none");
    return this.stack.splice(this.stack.length - n, n);
  }

  /** The uppermost value, which stays. */
  top(): unknown {
    if (this.stack.length <= this.floor) this.refuse("it takes a value where there is none");
    return this.stack.at(-1);
  }

  mark(): void {
    if (this.marks.length >= MAX_MARKS) this.refuse(`more than ${MAX_MARKS} containers within each other`);
    this.marks.push(this.stack.length);
  }

  /** All values above the last mark, which is gone then. */
  popMarked(): unknown[] {
    const from = this.marks.pop();
    return from === undefined ? this.refuse("it goes back to a mark where there is none") : this.stack.splice(from);
  }

  /** Throws away the uppermost value, or mark. */
  drop(): void {
    if (this.marks.length > 0 && this.stack.length === this.floor) this.marks.pop();
    else this.pop();
  }

  remember(slot: number): void {
    if (this.memo.size >= MAX_STACK) this.refuse(`more than ${MAX_STACK} remembered values`);
    this.memo.set(slot, this.top());
  }

  rememberNext(): void {
    this.remember(this.memo.size);
  }

  recall(slot: number): void {
    if (!this.memo.has(slot)) this.refuse(`it recalls a value ${slot} that it did not remember`);
    this.push(this.memo.get(slot));
  }

  text(value: unknown): string {
    return typeof value === "string" ? value : this.refuse("a name that is no text");
  }

  tuple(value: unknown): readonly unknown[] {
    return Array.isArray(value) ? value : this.refuse("arguments that are no tuple");
  }

  slot(line: string): number {
    const slot = this.input.digits(line);
    return typeof slot === "number" ? slot : this.refuse("a place to remember beyond all files");
  }

  append(values: readonly unknown[]): void {
    const target = this.top();
    const list = Array.isArray(target) ? target : this.names.listOf(target) ?? this.refuse("it appends to what is no list");
    for (const value of values) list.push(value);
  }

  setItems(pairs: readonly unknown[]): void {
    const target = this.top();
    const dict = target instanceof Map ? target : this.names.dictOf(target) ?? this.refuse("it sets items of what is no dict");
    this.fill(dict, pairs);
  }

  /** [key, value, key, value, ...] into a Map. Throws where a key stands twice: no dict has one twice, so none is written so. */
  fill(dict: Map<unknown, unknown>, pairs: readonly unknown[]): Map<unknown, unknown> {
    if (pairs.length % 2 !== 0) this.refuse("a key without a value");
    for (let i = 0; i < pairs.length; i += 2) {
      if (dict.has(pairs[i])) this.refuse(`the key ${JSON.stringify(String(pairs[i]).slice(0, 80))} stands twice`);
      dict.set(pairs[i], pairs[i + 1]);
    }
    return dict;
  }

  addToSet(values: readonly unknown[]): void {
    const target = this.top();
    if (!(target instanceof Set)) this.refuse("it adds to what is no set");
    for (const value of values) (target as Set<unknown>).add(value);
  }

  global(module: string, name: string): unknown {
    return this.names.global(module, name, this.refuse);
  }
}

const STOP = 0x2e;

/** The text of a Python 2 string literal: quotes, and what stands behind backslashes. */
function unquoted(literal: string, refuse: Refuse): string {
  const inside = /^(["'])(.*)\1$/s.exec(literal)?.[2] ?? refuse("a string without quotes");
  const named: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };
  return inside.replace(/\\(x[0-9a-fA-F]{2}|.)/gs, (_, code: string) => (
    code.length === 3 ? String.fromCharCode(parseInt(code.slice(1), 16)) : named[code] ?? code));
}

/** Text in which \uXXXX and \UXXXXXXXX stand for characters. */
function unescaped(line: string, refuse: Refuse): string {
  return line.replace(/\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})/g, (_, four?: string, eight?: string) => {
    const code = parseInt(four ?? eight!, 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : refuse("a character beyond Unicode");
  });
}

function sizeOf(value: unknown): number {
  if (typeof value === "string") return value.length / 16;
  return Array.isArray(value) ? value.length : value instanceof Map ? value.size : 1;
}

/** What each operation does, by its byte. The names are those of pickletools. */
const table: Readonly<Record<string, readonly [code: number, operation: Operation]>> = {
  MARK: [0x28, (m) => m.mark()],
  POP: [0x30, (m) => m.drop()],
  POP_MARK: [0x31, (m) => void m.popMarked()],
  DUP: [0x32, (m) => m.push(m.top())],

  NONE: [0x4e, (m) => m.push(null)],
  NEWTRUE: [0x88, (m) => m.push(true)],
  NEWFALSE: [0x89, (m) => m.push(false)],
  INT: [0x49, (m) => {
    const line = m.input.line();
    m.push(line === "00" ? false : line === "01" ? true : m.input.digits(line));
  }],
  BININT: [0x4a, (m) => m.push(m.input.i32())],
  BININT1: [0x4b, (m) => m.push(m.input.u8())],
  BININT2: [0x4d, (m) => m.push(m.input.u16())],
  LONG: [0x4c, (m) => m.push(m.input.digits(m.input.line().replace(/L$/, "")))],
  LONG1: [0x8a, (m) => m.push(m.input.long(m.input.u8()))],
  LONG4: [0x8b, (m) => m.push(m.input.long(m.input.i32()))],
  FLOAT: [0x46, (m) => {
    const line = m.input.line();
    const value = { inf: Infinity, "-inf": -Infinity, nan: NaN }[line] ?? (/^[-+\d.eE]+$/.test(line) ? Number(line) : NaN);
    m.push(Number.isNaN(value) && line !== "nan" ? m.refuse("a line that should be a number") : value);
  }],
  BINFLOAT: [0x47, (m) => m.push(m.input.f64())],

  STRING: [0x53, (m) => m.push(unquoted(m.input.line(), m.refuse))],
  BINSTRING: [0x54, (m) => m.push(m.input.latin1(m.input.u32()))],
  SHORT_BINSTRING: [0x55, (m) => m.push(m.input.latin1(m.input.u8()))],
  UNICODE: [0x56, (m) => m.push(unescaped(m.input.line(), m.refuse))],
  BINUNICODE: [0x58, (m) => m.push(m.input.utf8(m.input.u32()))],
  SHORT_BINUNICODE: [0x8c, (m) => m.push(m.input.utf8(m.input.u8()))],
  BINUNICODE8: [0x8d, (m) => m.push(m.input.utf8(m.input.u64()))],
  BINBYTES: [0x42, (m) => m.add(m.input.raw(m.input.u32()))],
  SHORT_BINBYTES: [0x43, (m) => m.add(m.input.raw(m.input.u8()))],
  BINBYTES8: [0x8e, (m) => m.add(m.input.raw(m.input.u64()))],
  BYTEARRAY8: [0x96, (m) => m.add(m.input.raw(m.input.u64()))],

  EMPTY_LIST: [0x5d, (m) => m.add([])],
  LIST: [0x6c, (m) => m.add(m.popMarked())],
  APPEND: [0x61, (m) => m.append([m.pop()])],
  APPENDS: [0x65, (m) => m.append(m.popMarked())],
  EMPTY_TUPLE: [0x29, (m) => m.add([])],
  TUPLE: [0x74, (m) => m.add(m.popMarked())],
  TUPLE1: [0x85, (m) => m.add(m.popTuple(1))],
  TUPLE2: [0x86, (m) => m.add(m.popTuple(2))],
  TUPLE3: [0x87, (m) => m.add(m.popTuple(3))],
  EMPTY_DICT: [0x7d, (m) => m.add(new Map())],
  DICT: [0x64, (m) => m.add(m.fill(new Map(), m.popMarked()))],
  SETITEM: [0x73, (m) => m.setItems(m.popTuple(2))],
  SETITEMS: [0x75, (m) => m.setItems(m.popMarked())],
  EMPTY_SET: [0x8f, (m) => m.add(new Set())],
  ADDITEMS: [0x90, (m) => m.addToSet(m.popMarked())],
  FROZENSET: [0x91, (m) => m.add(new Set(m.popMarked()))],

  PUT: [0x70, (m) => m.remember(m.slot(m.input.line()))],
  BINPUT: [0x71, (m) => m.remember(m.input.u8())],
  LONG_BINPUT: [0x72, (m) => m.remember(m.input.u32())],
  MEMOIZE: [0x94, (m) => m.rememberNext()],
  GET: [0x67, (m) => m.recall(m.slot(m.input.line()))],
  BINGET: [0x68, (m) => m.recall(m.input.u8())],
  LONG_BINGET: [0x6a, (m) => m.recall(m.input.u32())],

  GLOBAL: [0x63, (m) => m.add(m.global(m.input.line(), m.input.line()))],
  STACK_GLOBAL: [0x93, (m) => {
    const [module, name] = m.popTuple(2);
    m.add(m.global(m.text(module), m.text(name)));
  }],
  REDUCE: [0x52, (m) => {
    const [callee, args] = m.popTuple(2);
    m.make("call", callee, m.tuple(args));
  }],
  INST: [0x69, (m) => {
    const cls = m.global(m.input.line(), m.input.line());
    m.make("call", cls, m.popMarked());
  }],
  OBJ: [0x6f, (m) => {
    const [cls, ...args] = m.popMarked();
    m.make("call", cls, args);
  }],
  NEWOBJ: [0x81, (m) => {
    const [cls, args] = m.popTuple(2);
    m.make("create", cls, m.tuple(args));
  }],
  NEWOBJ_EX: [0x92, (m) => {
    const [cls, args, named] = m.popTuple(3);
    m.make("create", cls, [...m.tuple(args), named]);
  }],
  BUILD: [0x62, (m) => {
    const state = m.pop();
    m.push(m.names.build(m.pop(), state, m.refuse));
  }],
  PERSID: [0x50, (m) => m.add(m.names.persistent(m.input.line(), m.refuse))],
  BINPERSID: [0x51, (m) => m.add(m.names.persistent(m.pop(), m.refuse))],

  PROTO: [0x80, (m) => {
    const protocol = m.input.u8();
    if (protocol > 5) m.refuse(`protocol ${protocol}; 0 to 5 are read`);
  }],
  FRAME: [0x95, (m) => void m.input.u64()],
};

const operations: (Operation | undefined)[] = [];
for (const [code, operation] of Object.values(table)) operations[code] = operation;
