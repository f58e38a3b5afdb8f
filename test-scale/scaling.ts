/** What a step costs there, on 1 and 2 processes of one thread each: on an otherwise idle machine. */
export async function scaling(): Promise<void> {
  throw new Error("not measured yet");
}
