/** Tensors by the modules that their dotted names spell. */
import { sizeOf, type Shape } from "@fromnoise/tensor";
import { grouped, printTable, shownText } from "./text-table.js";

/** A module, or a tensor, which has a shape and nothing below. */
export interface TreeNode { readonly name: string; values: number; tensors: number; shape?: Shape; below: TreeNode[] }

/** Names are split at so many dots: what is below stays in one piece, so that no name makes a tree deeper than this. */
const DEEPEST = 32;

/** The tree of tensors by name: "downs.0.mlp.1.weight" is the tensor weight in 1 in mlp in 0 in downs. */
export function tensorTree(shapes: Iterable<readonly [name: string, shape: Shape]>): TreeNode {
  const root: TreeNode = { name: "", values: 0, tensors: 0, below: [] };
  const children = new Map<TreeNode, Map<string, TreeNode>>([[root, new Map()]]);
  for (const [name, shape] of shapes) {
    const parts = name.split(".");
    const path = parts.length <= DEEPEST ? parts : [...parts.slice(0, DEEPEST - 1), parts.slice(DEEPEST - 1).join(".")];
    const size = sizeOf(shape);
    let node = root;
    for (const part of path) {
      node.values += size;
      node.tensors++;
      const known = children.get(node)!;
      let next = known.get(part);
      if (next === undefined) {
        next = { name: part, values: 0, tensors: 0, below: [] };
        known.set(part, next);
        children.set(next, new Map());
        node.below.push(next);
      }
      node = next;
    }
    node.values += size;
    node.tensors++;
    node.shape = shape;
  }
  return root;
}

/** The tree down to a depth: 1 is the modules of the network itself. */
export function cutTree(node: TreeNode, depth: number): TreeNode {
  return { ...node, below: depth === 0 ? [] : node.below.map((child) => cutTree(child, depth - 1)) };
}

/** A line for every module and tensor, indented by its depth. */
export function printTree(root: TreeNode): void {
  const rows: string[][] = [];
  const visit = (node: TreeNode, indent: number): void => {
    const shape = node.shape === undefined ? "" : `[${node.shape.join(", ")}]`;
    rows.push([`${"  ".repeat(indent)}${shownText(node.name)}`, grouped(node.values), String(node.tensors), shape]);
    for (const child of node.below) visit(child, indent + 1);
  };
  for (const child of root.below) visit(child, 0);
  rows.push(["total", grouped(root.values), String(root.tensors), ""]);
  printTable(["module", "values", "tensors", "shape"], rows);
}
