/** The numbers by which the assembly knows operations: their places in the lists that its dispatch is generated from. */
export function codesOf<Op extends string>(ops: readonly Op[]): Readonly<Record<Op, number>> {
  return Object.fromEntries(ops.map((op, code) => [op, code])) as Record<Op, number>;
}
