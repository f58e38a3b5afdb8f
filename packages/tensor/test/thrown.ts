/** The error that fn throws; fails when it throws none. */
export function thrown(fn: () => unknown): Error {
  try {
    fn();
  } catch (error) {
    return error as Error;
  }
  throw new Error("expected the function to throw");
}

/** The error that a promise is rejected with; fails when it is fulfilled. */
export async function thrownBy(promise: Promise<unknown>): Promise<Error> {
  const error = await promise.then(() => undefined, (reason: Error) => reason);
  if (error === undefined) throw new Error("expected the promise to be rejected");
  return error;
}
