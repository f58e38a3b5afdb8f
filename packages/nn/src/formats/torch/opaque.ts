/** A name in a pickle: "torch.FloatStorage". Nothing is looked up by it but tables of this folder. */
export class Global {
  readonly path: string;

  constructor(module: string, name: string) {
    this.path = `${module}.${name}`;
  }
}

/**
 * An object of a class that is not known here, such as the argparse.Namespace of a training script: what the pickle says of it, and
 * nothing that its class would do.
 */
export class Opaque {
  /** What the object was told after it was made; of most classes the Map of its attributes. */
  state: unknown = undefined;
  /** Of subclasses of list that hold something. */
  list: unknown[] | undefined = undefined;
  /** Of subclasses of dict that do. */
  dict: Map<unknown, unknown> | undefined = undefined;

  constructor(readonly path: string, readonly args: readonly unknown[]) {}
}
