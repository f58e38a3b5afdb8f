/** The reference kernels behind a backend that enforces the contract of the kernels, as the strictest device would. */
import type { Backend, NumberArray } from "../src/core/backend.js";
import { openReference } from "../src/backends/reference/index.js";
import { kernelDefinition, shapesOf, updatedBy, type KernelName, type KernelTable, type LooseKernel } from "../src/kernels/contract.js";
import { formatShape, sizeOf } from "../src/core/shape.js";

export interface Cell { values: NumberArray; freed: boolean }

type Cells = Readonly<Record<string, Cell | readonly Cell[]>>;

/**
 * A backend that fails on attributes that are not canonical, on empty arrays, on sizes below 1, on storage that does not fit its
 * kernel, on one array in two places, and on use after free or a second free; `live()` counts what is not freed.
 */
export function openStrict(): Backend<Cell> & { live(): number } {
  const reference = openReference();
  let live = 0;
  const store = (values: NumberArray): Cell => {
    if (values.length === 0) throw new Error("strict: an empty array reached the backend");
    live++;
    return { values, freed: false };
  };
  const use = (cell: Cell): NumberArray => {
    if (cell.freed) throw new Error("strict: use after free");
    return cell.values;
  };
  const isList = (operand: Cell | readonly Cell[]): operand is readonly Cell[] => Array.isArray(operand);
  const values = (operand: Cell | readonly Cell[]): NumberArray | readonly NumberArray[] => (isList(operand) ? operand.map(use) : use(operand));

  const check = (name: KernelName, of: "inputs" | "outputs", operands: Cells, attrs: unknown): void => {
    for (const [operand, cells] of Object.entries(operands)) {
      const shapes = shapesOf(kernelDefinition(name)[of][operand], attrs);
      const list = isList(cells) ? cells : [cells];
      const fits = shapes.length === list.length && shapes.every((shape, i) =>
        shape.every((side) => Number.isInteger(side) && side >= 1) && sizeOf(shape) === use(list[i]).length);
      if (!fits) throw new Error(`strict: ${name} got ${list.map((cell) => cell.values.length).join()} values for ${operand} ${shapes.map(formatShape).join()}`);
    }
  };
  const checkAliases = (name: KernelName, outputs: Cells, inputs: Cells): void => {
    const updated = updatedBy(name);
    const written = Object.values(outputs).flat();
    const read = Object.entries(inputs).filter(([input]) => !updated.includes(input)).flatMap(([, cells]) => cells);
    if (new Set(written).size < written.length || written.some((cell) => read.includes(cell))) {
      throw new Error(`strict: ${name} got one array in two places`);
    }
    for (const input of updated) if (outputs[input] !== inputs[input] && !isList(inputs[input])) throw new Error(`strict: ${name} updates another ${input}`);
  };
  const wrap = (name: KernelName): LooseKernel<Cell> => (outputs, inputs, attrs, scalars) => {
    const flaw = kernelDefinition(name).flaw?.(attrs as never);
    if (flaw !== undefined) throw new Error(`strict: ${name} is not canonical, it has ${flaw}: ${JSON.stringify(attrs)}`);
    const missing = kernelDefinition(name).scalars.filter((scalar) => typeof scalars[scalar] !== "number");
    if (missing.length > 0) throw new Error(`strict: ${name} lacks ${missing.join(", ")}`);
    check(name, "inputs", inputs, attrs);
    check(name, "outputs", outputs, attrs);
    checkAliases(name, outputs, inputs);
    const updated = updatedBy(name);
    for (const [output, cells] of Object.entries(outputs)) if (!updated.includes(output)) use(cells as Cell).fill(NaN); // it is written in full
    const all = (cells: Cells): Record<string, NumberArray | readonly NumberArray[]> =>
      Object.fromEntries(Object.entries(cells).map(([operand, list]) => [operand, values(list)]));
    (reference.kernels[name] as unknown as LooseKernel<NumberArray>)(all(outputs), all(inputs), attrs, scalars);
  };
  const names = Object.keys(reference.kernels) as KernelName[];
  return {
    description: "strict: the reference under guard",
    dtypes: ["f32", "f64"],
    kernels: Object.fromEntries(names.map((name) => [name, wrap(name)])) as unknown as KernelTable<Cell>,
    allocate: (shape, dtype) => store(reference.allocate(shape, dtype)),
    upload: (array, shape, dtype) => store(reference.upload(array, shape, dtype)),
    read: (cell) => use(cell).slice(),
    free(cell) {
      use(cell);
      cell.freed = true;
      live--;
    },
    sync: () => undefined,
    dispose: () => undefined,
    live: () => live,
  };
}
