/** The worker of `worker-stage.ts`. */
import type { BenchName, BenchShape } from "../bench.js";
import { openDeviceEngine } from "../device-engine.js";
import { describeError, EngineStage, type Stage } from "../stage.js";
import { clockTimer } from "./page.js";
import type { WorkerCall, WorkerReply } from "./worker-stage.js";

let stage: Stage | undefined;

async function respond({ method, args }: WorkerCall): Promise<unknown> {
  switch (method) {
    case "open":
      stage = new EngineStage(await openDeviceEngine(args[0] as string), clockTimer);
      return stage.description;
    case "setup":
      return stage!.setup(args[0] as BenchName, args[1] as BenchShape);
    case "warmUp":
      return stage!.warmUp(args[0] as number);
    case "sample":
      return stage!.sample(args[0] as number);
  }
}

onmessage = ({ data }: MessageEvent<WorkerCall>) => {
  void respond(data).then((value): WorkerReply => ({ value }), (error: unknown): WorkerReply => ({ error: describeError(error) }))
    .then((reply) => postMessage(reply));
};
