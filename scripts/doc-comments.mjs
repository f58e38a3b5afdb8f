/**
 * Every public symbol of the packages has a doc comment: what an entry exports, and the methods of exported classes and objects. Prints
 * those without, file and line, and fails where there are any. The forward and backward of a layer are what the comment of its class is
 * about: equation, shapes, errors; what an object of a declared type has, its type says.
 */
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const entries = ["tensor/src/index.ts", "tensor/src/verify/chai.ts", "nn/src/index.ts", "nn/src/config/kinds.ts", "diffusion/src/node.ts"]
  .map((path) => join(root, "packages", path));
const { options } = ts.getParsedCommandLineOfConfigFile(join(root, "tsconfig.check.json"), {}, {
  ...ts.sys, onUnRecoverableConfigFileDiagnostic: ({ messageText }) => { throw new Error(String(messageText)); },
});
const program = ts.createProgram(entries, options);
const checker = program.getTypeChecker();
const missing = new Set();
let looked = 0;

const aliased = (symbol) => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol);
const isOurs = (declaration) => !declaration.getSourceFile().fileName.includes("/node_modules/");
const isPrivate = (declaration) => (ts.getCombinedModifierFlags(declaration) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected)) !== 0
  || (declaration.name !== undefined && ts.isPrivateIdentifier(declaration.name));

const OF_THE_CLASS = ["forward", "backward", "apply", "create", "parameters"];

/** Whether a base class or an interface that is implemented says what this member is. */
function isInherited(member) {
  const clauses = ts.isClassLike(member.parent) ? member.parent.heritageClauses ?? [] : [];
  return clauses.flatMap(({ types }) => types).some((type) => {
    const above = checker.getTypeAtLocation(type).getProperty(member.name.getText());
    return above !== undefined && ts.displayPartsToString(above.getDocumentationComment(checker)).trim() !== "";
  });
}

function look(symbol, path) {
  const declarations = (symbol.declarations ?? []).filter(isOurs);
  if (declarations.length === 0 || declarations.every(ts.isSourceFile)) return;             // the head of a file speaks for what it is taken in whole as
  looked++;
  if (ts.displayPartsToString(symbol.getDocumentationComment(checker)).trim() !== "" || symbol.getJsDocTags(checker).length > 0) return;
  const [declaration] = declarations;
  const { line } = declaration.getSourceFile().getLineAndCharacterOfPosition(declaration.getStart());
  missing.add(`${relative(root, declaration.getSourceFile().fileName)}:${line + 1}  ${path}`);
}

for (const entry of entries) {
  for (const found of checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(entry)))) {
    const symbol = aliased(found);
    look(symbol, found.name);
    for (const declaration of (symbol.declarations ?? []).filter(isOurs)) {
      const members = ts.isClassDeclaration(declaration) ? declaration.members
        : ts.isVariableDeclaration(declaration) && declaration.type === undefined && declaration.initializer !== undefined && ts.isObjectLiteralExpression(declaration.initializer) ? declaration.initializer.properties : [];
      for (const member of members) {
        if ((!ts.isMethodDeclaration(member) && !ts.isGetAccessor(member)) || isPrivate(member) || ts.isComputedPropertyName(member.name)) continue;
        if (!isInherited(member) && !(ts.isClassDeclaration(declaration) && OF_THE_CLASS.includes(member.name.getText()))) look(checker.getSymbolAtLocation(member.name), `${found.name}.${member.name.getText()}`);
      }
    }
  }
}
for (const line of [...missing].sort()) console.error(line);
console.log(`${looked} public symbols, ${missing.size} without a doc comment`);
if (missing.size > 0) process.exit(1);
