/** The reference kernels behind a backend that enforces the contract of kernels.ts, as the strictest device would. */
import type { Backend, NumberArray } from "../src/core/backend.js";
import { openReference } from "../src/backends/reference/index.js";
import { kernelDefinition, type AnyKernelName, type KernelTable } from "../src/kernels/contract.js";
import { sizeOf } from "../src/core/shape.js";

interface Cell { values: NumberArray; freed: boolean }

/**
 * A backend that fails on empty arrays, on sizes below 1, on storage that does not fit its kernel, and on use after free or a
 * second free; `live()` counts what is not freed. With `sharesReshapes` false every reshape is a copy.
 */
export function openStrict({ sharesReshapes = false } = {}): Backend<Cell> & { live(): number } {
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
  const checked = (name: AnyKernelName, inputs: Record<string, Cell>, attrs: unknown): Record<string, NumberArray> => {
    const shapes = kernelDefinition(name).inputs as Record<string, (attrs: unknown) => readonly number[]>;
    return Object.fromEntries(Object.entries(inputs).map(([input, cell]) => {
      const shape = shapes[input](attrs);
      const fits = shape.every((side) => Number.isInteger(side) && side >= 1) && sizeOf(shape) === use(cell).length;
      if (!fits) throw new Error(`strict: ${name} got ${cell.values.length} values for ${input} [${shape.join(", ")}]`);
      return [input, cell.values];
    }));
  };
  const wrap = (name: AnyKernelName): unknown => {
    const kernel = reference.kernels[name as keyof typeof reference.kernels] as (...args: unknown[]) => void;
    if ("updates" in kernelDefinition(name)) {
      return (inputs: Record<string, Cell>, attrs: unknown, scalars: unknown) => {
        kernel(checked(name, inputs, attrs), attrs, scalars);
      };
    }
    return (y: Cell, inputs: Record<string, Cell>, attrs: unknown, scalars: unknown) => {
      use(y).fill(NaN); // an output is written in full
      kernel(y.values, checked(name, inputs, attrs), attrs, scalars);
    };
  };
  const names = Object.keys(reference.kernels) as AnyKernelName[];
  return {
    description: "strict: the reference under guard",
    dtypes: ["f32", "f64"],
    kernels: Object.fromEntries(names.map((name) => [name, wrap(name)])) as unknown as KernelTable<Cell>,
    sharesReshapes,
    allocate: (shape, dtype) => store(reference.allocate(shape, dtype)),
    upload: (values, shape, dtype) => store(reference.upload(values, shape, dtype)),
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
