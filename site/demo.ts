/** What the page asks of a demo: something that trains and shows what it has learnt. */
export interface Demo {
  /** One line under the samples. */
  readonly caption: string;
  /** One optimiser step; the loss of its batch. */
  step(): Promise<number>;
  /** Draws samples of the network as it is now. */
  show(canvas: HTMLCanvasElement): Promise<void>;
  /** Steps between two looks at the samples. */
  readonly showEvery: number;
  dispose(): void;
}
