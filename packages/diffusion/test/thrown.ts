/** The error that a promise rejects with; fails when there is none or it is of another class. */
export async function thrown<E extends Error>(kind: abstract new (...args: never[]) => E, promise: Promise<unknown>): Promise<E> {
  let result: unknown;
  try {
    result = await promise;
  } catch (error) {
    if (error instanceof kind) return error;
    throw error;
  }
  throw new Error(`expected a ${kind.name}, but the call succeeded with ${String(result)}`);
}
