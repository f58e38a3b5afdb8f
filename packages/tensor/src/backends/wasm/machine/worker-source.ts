/**
 * The program of a pool thread, as one classic script that needs nothing else: Node, bundlers and plain pages start it alike. It
 * receives one message {module, memory, control, index}, makes its instance of the kernels on the shared memory, answers, and
 * then works and waits until it is stopped. The words of the control block are explained in pool.ts.
 */
export const workerSource = `
"use strict";
function run({ module, memory, control: address, index, words, spinMs }, answer) {
  const kernels = Object.values(new WebAssembly.Instance(module, { env: { memory } }).exports);
  const control = new Int32Array(memory.buffer, address, 16);
  const { GENERATION, OPEN, ACTIVE, NEXT, WAITING, SLEEPERS, STOP, FAILED } = words;
  const { KERNEL, ARGS, CHUNKS, WORKSPACE, STRIDE } = words;

  function work() {
    const kernel = kernels[control[KERNEL]], args = control[ARGS], chunks = control[CHUNKS];
    const workspace = control[WORKSPACE] + index * control[STRIDE];
    for (let chunk; (chunk = Atomics.add(control, NEXT, 1)) < chunks;) kernel(args, chunk, chunk + 1, workspace);
  }

  function join() {
    Atomics.add(control, ACTIVE, 1);
    try {
      if (Atomics.load(control, OPEN) === 1) work();
    } catch {
      Atomics.store(control, FAILED, 1);
    }
    if (Atomics.sub(control, ACTIVE, 1) === 1 && Atomics.load(control, WAITING) === 1) Atomics.notify(control, ACTIVE);
  }

  // Spins in a row that found no work, and how many of the next waits go without: where this thread shares a core with the calling
  // one, which cannot run meanwhile, no spin ever finds any.
  let misses = 0, skipped = 0;

  // Tells the processor that this is a wait: two threads of one core share its units, and the other one is to have them.
  const pause = Atomics.pause ?? (() => undefined);

  function spins(seen) {
    if (skipped > 0) return void skipped--;
    const until = performance.now() + spinMs;
    do {
      for (let i = 0; i < 100; i++) {
        if (Atomics.load(control, GENERATION) !== seen) return (misses = 0, true);
        pause();
      }
    } while (performance.now() < until);
    misses++;
    if (misses > 3) skipped = Math.min(2 ** (misses - 3), 32);
    return false;
  }

  function await_(seen) {
    if (spins(seen)) return;
    Atomics.add(control, SLEEPERS, 1);
    Atomics.wait(control, GENERATION, seen);
    Atomics.sub(control, SLEEPERS, 1);
  }

  let seen = Atomics.load(control, GENERATION);
  answer();
  while (Atomics.load(control, STOP) === 0) {
    await_(seen);
    seen = Atomics.load(control, GENERATION);
    join();
  }
}
if (typeof require === "function") {
  const { parentPort } = require("node:worker_threads");
  parentPort.once("message", (message) => run(message, () => parentPort.postMessage("ready")));
} else {
  self.onmessage = ({ data }) => run(data, () => self.postMessage("ready"));
}
`;
