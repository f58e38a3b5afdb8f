/**
 * The method under this name says what Node's console.log shows of an object. It is a well-known symbol: nothing of Node is
 * imported, and browsers, which do not know it, show objects in their own way.
 */
export const inspectSymbol: unique symbol = Symbol.for("nodejs.util.inspect.custom") as never;
