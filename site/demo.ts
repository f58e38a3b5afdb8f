/** What the worker asks of a demo: something that trains and shows what it has learnt. */
export interface Demo {
  /** One line under the samples. */
  readonly caption: string;
  /** One optimiser step; the loss of its batch. */
  step(): Promise<number>;
  /** Samples of the network as it is now, drawn on a new canvas. */
  show(): Promise<OffscreenCanvas>;
  /** Steps between two looks at the samples. */
  readonly showEvery: number;
  dispose(): void;
}
