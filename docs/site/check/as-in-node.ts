/** Numbers of a page against those that the same program gives in Node. */
import { expect } from "chai";

/** ECMAScript leaves the last bits of Math.exp and others to the engine, and the browser's is another one: they grow a little on their way. */
const CLOSE = 1e-9;

/** Throws where numbers, by place or by name, differ by more than the engines do. */
export function expectAsInNode(page: object, node: object, what: string): void {
  expect(Object.keys(page), what).to.deep.equal(Object.keys(node));
  const expected = Object.entries(node) as [string, number][];
  for (const [key, value] of expected) {
    const shown = (page as Readonly<Record<string, number>>)[key];
    expect(shown, `${what}, ${key}`).to.be.closeTo(value, CLOSE * Math.max(1, Math.abs(value)));
  }
}
