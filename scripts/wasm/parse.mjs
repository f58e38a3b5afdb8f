/**
 * What the AssemblyScript sources declare, read by the TypeScript parser (the syntax is TypeScript's but for decorators on
 * functions, which it parses all the same): classes of arguments with their fields, and exported functions with their parameters.
 */
import ts from "typescript";

/**
 * @typedef {{ name: string, type: string, optional: boolean, doc: string }} Field
 * @typedef {{ name: string, file: string, line: number, doc: string, base: string | undefined, fields: Field[] }} ArgumentClass
 * @typedef {{ name: string, file: string, line: number, doc: string, parameters: string[], result: string }} ExportedFunction
 */

const docOf = (node) => ts.getTextOfJSDocComment(node.jsDoc?.at(-1)?.comment) ?? "";

const isExported = (node) => node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ?? false;

const hasDecorator = (node, name) =>
  node.modifiers?.some((modifier) => ts.isDecorator(modifier) && modifier.expression.getText() === name) ?? false;

const place = (source, file, { name }) => ({
  name: name.text, file, line: source.getLineAndCharacterOfPosition(name.getStart()).line + 1,
});

/** A field that has a value in the class may be left out where arguments are made: it is 0 then. */
function fieldOf(node, owner) {
  const name = node.name.text;
  if (node.initializer !== undefined && node.initializer.getText() !== "0") {
    throw new Error(`${owner}.${name} has the default ${node.initializer.getText()}: only 0 is known`);
  }
  return { name, type: node.type.getText(), optional: node.initializer !== undefined, doc: docOf(node) };
}

/** The class that a class extends. */
const baseOf = (node) => node.heritageClauses?.[0]?.types[0]?.expression.getText();

/**
 * The exported @unmanaged classes and exported functions of one file.
 * @returns {{ classes: ArgumentClass[], functions: ExportedFunction[] }}
 */
export function parseAssembly(file, text) {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const classes = [], functions = [];
  for (const node of source.statements) {
    if (ts.isClassDeclaration(node) && isExported(node) && hasDecorator(node, "unmanaged")) {
      const fields = node.members.filter(ts.isPropertyDeclaration).map((field) => fieldOf(field, node.name.text));
      classes.push({ ...place(source, file, node), doc: docOf(node), base: baseOf(node), fields });
    } else if (ts.isFunctionDeclaration(node) && isExported(node)) {
      functions.push({
        ...place(source, file, node), doc: docOf(node), result: node.type?.getText() ?? "void",
        parameters: node.parameters.map(({ type }) => type?.getText() ?? ""),
      });
    } else if (ts.isExportDeclaration(node) && node.exportClause !== undefined && ts.isNamedExports(node.exportClause)) {
      for (const specifier of node.exportClause.elements) {
        functions.push({ ...place(source, file, specifier), doc: "", parameters: [], result: "" });
      }
    }
  }
  return { classes, functions };
}

/** The strings of `export const NAME = [...] as const` in a TypeScript file. */
export function stringList(file, text, name) {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  for (const node of source.statements) {
    if (!ts.isVariableStatement(node)) continue;
    const [{ name: found, initializer }] = node.declarationList.declarations;
    if (found.getText() === name) return initializer.expression.elements.map((element) => element.text);
  }
  throw new Error(`${file} has no list ${name}`);
}
