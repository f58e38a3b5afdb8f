/**
 * The bindings between TypeScript and the kernels, from what the assembly exports. Its conventions:
 *  - an exported @unmanaged class is a kernel's arguments, or where no function takes it a row of a list in memory;
 *  - kernel(args, from, to, workspace): void does chunks from .. to - 1;
 *  - kernelChunks(args): i32 is the number of chunks, kernelWorkspace(args): f64, where there is one, the bytes each thread needs;
 *  - other functions of args alone answer questions (bytes, parts): they become methods.
 */

const representation = { usize: "words", i32: "words", flag: "words", f32: "floats" };

const lowerFirst = (text) => text[0].toLowerCase() + text.slice(1);

/** gemmPackBytes of class Gemm is the method packBytes. */
function methodName(className, functionName) {
  const prefix = lowerFirst(className);
  const isPrefixed = functionName.startsWith(prefix) && /[A-Z]/.test(functionName[prefix.length] ?? "");
  return isPrefixed ? lowerFirst(functionName.slice(prefix.length)) : functionName;
}

/** Sorts the functions that take an argument class into kernels and questions. Throws where a convention is broken. */
function membersOf({ name }, functions) {
  const own = functions.filter(({ parameters }) => parameters[0] === name);
  const kernels = own.filter(({ parameters, result }) => parameters.slice(1).join() === "i32,i32,usize" && result === "void");
  const asked = own.filter(({ parameters, result }) => parameters.length === 1 && result !== "void");
  const kernelParts = new Set(kernels.flatMap((kernel) => [`${kernel.name}Chunks`, `${kernel.name}Workspace`]));
  for (const kernel of kernels) {
    const chunks = asked.find((question) => question.name === `${kernel.name}Chunks`);
    if (chunks === undefined) throw new Error(`${kernel.file}:${kernel.line} ${kernel.name} has no ${kernel.name}Chunks`);
  }
  for (const { name: question, result, file, line } of asked) {
    const expected = /(Bytes|Workspace)$/.test(question) ? "f64" : "i32";
    if (result !== expected) throw new Error(`${file}:${line} ${question} gives ${result}, not ${expected}`);
  }
  return {
    kernels, questions: asked.filter((question) => !kernelParts.has(question.name)),
    exported: [...kernels, ...asked],
  };
}

const comment = (lines, indent = "") => {
  const text = lines.filter((line) => line !== "").join("\n").split("\n");
  if (text.length === 1) return `${indent}/** ${text[0]} */\n`;
  return `${indent}/**\n${text.map((line) => `${indent} * ${line}`.trimEnd()).join("\n")}\n${indent} */\n`;
};

const placeOf = ({ file, line, name }) => `assembly/${file}:${line} ${name}`;
const typeOf = ({ type }) => (type === "flag" ? "boolean" : "number");

/** The classes that none extends, each with all its fields, those of its base first. */
function withInherited(classes) {
  const byName = new Map(classes.map((one) => [one.name, one]));
  const fieldsOf = ({ base, fields }) => (base === undefined ? fields : [...fieldsOf(byName.get(base)), ...fields]);
  const bases = new Set(classes.map(({ base }) => base));
  return classes.filter(({ name }) => !bases.has(name)).map((one) => ({ ...one, fields: fieldsOf(one) }));
}

/** Names that bindings have for themselves. */
const reserved = new Set(["machine", "set", "run", "write"]);

function checkFields({ name, fields }) {
  for (const { name: field, type } of fields) {
    if (reserved.has(field)) throw new Error(`${name}.${field}: the bindings use this name`);
    if (!(type in representation)) {
      throw new Error(`${name}.${field} is ${type}: ${Object.keys(representation).join(", ")} are known`);
    }
  }
}

function fieldsInterface(argumentClass) {
  const fields = argumentClass.fields.map(({ name, optional, doc, ...field }) => {
    const lines = [doc, optional ? "0 unless given." : ""].filter((line) => line !== "");
    return `${lines.length === 0 ? "" : comment(lines, "  ")}  readonly ${name}${optional ? "?" : ""}: ${typeOf(field)};\n`;
  });
  const doc = comment([placeOf(argumentClass), argumentClass.doc]);
  return `${doc}export interface ${argumentClass.name}Fields {\n${fields.join("")}}\n`;
}

/** Statements that write the fields, each 32 bits, from `source` to memory at word `at`. */
function writes(fields, source, indent) {
  return fields.map(({ name, type, optional }, i) => {
    const value = `${source}.${name}`;
    const given = optional && source === "fields" ? `(${value} ?? 0)` : value;
    return `${indent}${representation[type]}[at${i === 0 ? "" : ` + ${i}`}] = ${type === "flag" ? `Number(${given})` : given};\n`;
  }).join("");
}

const viewsOf = (fields) => [...new Set(fields.map(({ type }) => representation[type]))].sort().reverse().join(", ");

function bindingClass(argumentClass, { kernels, questions }) {
  const { name, fields } = argumentClass;
  const given = ({ type, optional }) => (!optional ? "" : type === "flag" ? " ?? false" : " ?? 0");
  const questionMethods = questions.map((question) =>
    `\n${comment([placeOf(question), question.doc], "  ")}  ${methodName(name, question.name)}(): number {\n`
    + `    return this.machine.exports.${question.name}(this.write());\n  }\n`);
  const run = kernels.length === 0 ? "" : `
${comment(kernels.map((kernel) => `${placeOf(kernel)}${kernel.doc === "" ? "" : `: ${kernel.doc}`}`), "  ")}\
  run(kernel: ${kernels.map((kernel) => `"${kernel.name}"`).join(" | ")}): void {
    this.machine.launch(this.machine.kernels[kernel], this.write());
  }
`;
  return `${fieldsInterface(argumentClass)}
export class ${name}Binding {
${fields.map((field) => `  private ${field.name}: ${typeOf(field)};\n`).join("")}
  constructor(private readonly machine: Machine, fields: ${name}Fields) {
${fields.map((field) => `    this.${field.name} = fields.${field.name}${given(field)};\n`).join("")}  }

  /** Gives some fields other values. */
  set(fields: Partial<${name}Fields>): void {
${fields.map(({ name: field }) => `    if (fields.${field} !== undefined) this.${field} = fields.${field};\n`).join("")}\
    this.machine.forgetArguments(this);
  }
${questionMethods.join("")}${run}
  private write(): number {
    const { machine } = this;
    if (machine.writesArguments(this)) {
      const { ${viewsOf(fields)} } = machine.memory, at = machine.arguments / 4;
${writes(fields, "this", "      ")}    }
    return machine.arguments;
  }
}
`;
}

function rowType(rowClass) {
  const { name, fields } = rowClass;
  return `${fieldsInterface(rowClass)}
export const ${name}: RowType<${name}Fields> = {
  bytes: ${4 * fields.length},
  write({ ${viewsOf(fields)} }, address, fields) {
    const at = address / 4;
${writes(fields, "fields", "    ")}  },
};
`;
}

/**
 * The text of backends/wasm/generated/bindings.ts, and of assembly/generated/exports.ts: all that the bindings use, and
 * `tileNames`.
 */
export function bindingSources(allClasses, functions, tileNames) {
  const classes = withInherited(allClasses);
  classes.forEach(checkFields);
  const members = new Map(classes.map((argumentClass) => [argumentClass, membersOf(argumentClass, functions)]));
  const argumentClasses = classes.filter((argumentClass) => members.get(argumentClass).exported.length > 0);
  const rows = classes.filter((rowClass) => !argumentClasses.includes(rowClass));
  const kernels = argumentClasses.flatMap((argumentClass) => members.get(argumentClass).kernels);
  const largest = Math.max(...argumentClasses.map(({ fields }) => fields.length));
  const bindings = `// Generated by scripts/build-wasm.mjs: do not edit.

/** The kernels of the assembly and their arguments, typed. Each binding names the place where the assembly says what it does. */
import type { Machine, RowType } from "../machine/machine.js";

/** All kernels. */
export const kernelNames = [
${kernels.map(({ name }) => `  "${name}",`).join("\n")}
] as const;

/** Bytes of the largest arguments. */
export const ARGUMENT_BYTES: number = ${4 * largest};

${argumentClasses.map((argumentClass) => bindingClass(argumentClass, members.get(argumentClass))).join("\n")}
${rows.map(rowType).join("\n")}
/** Arguments of kernels on one machine. */
export class Bindings {
  constructor(private readonly machine: Machine) {}
${argumentClasses.map((argumentClass) => `
  /** ${placeOf(argumentClass)} */
  ${argumentClass.name}(fields: ${argumentClass.name}Fields): ${argumentClass.name}Binding {
    return new ${argumentClass.name}Binding(this.machine, fields);
  }
`).join("")}}
`;
  const exported = argumentClasses.flatMap((argumentClass) => members.get(argumentClass).exported);
  const exportLines = [...new Set(exported.map(({ file }) => file))].map((file) => {
    const names = exported.filter((one) => one.file === file).map(({ name }) => name);
    return `export { ${names.join(", ")} } from "../${file.replace(/\.ts$/, "")}";`;
  });
  const exportsText = `// Generated by scripts/build-wasm.mjs: do not edit.\n
${exportLines.join("\n")}
export { ${tileNames.join(", ")} } from "./tiles";
`;
  return { bindings, exportsText };
}
