/** A peer in a page. */
import { describeRenderer } from "../../../packages/tensor/src/backends/gpu/engine/renderer.js";
import type { Engine, PeerContext } from "../engine.js";
import { peerContext } from "../peer-context.js";
import { EngineStage } from "../stage.js";
import { clockTimer, servePage } from "./page.js";
import { waitForGl, watchGl } from "./wait-gl.js";

/** Serves the peer that `open`, of its module in bench/peers, opens. */
export function servePeer(open: Open): void {
  watchGl();
  servePage(async (spec, threads) => new EngineStage(await openPeer(open, spec, threads), clockTimer));
}

type Open = (context: PeerContext) => Promise<Engine>;

/** The engine of a peer `name:backend`, which tells its renderer too. */
export async function openPeer(open: Open, spec: string, threads: number): Promise<Engine> {
  const backend = spec.slice(spec.indexOf(":") + 1);
  const engine = await open({ ...peerContext(backend, threads), waitForGl });
  const renderer = backend === "webgpu" ? await webGpuRenderer() : webGlRenderer();
  return { description: `${engine.description} on ${renderer}`, open: engine.open.bind(engine) };
}

interface Adapter { readonly info: Readonly<Record<"vendor" | "architecture" | "device" | "description", string>> }

async function webGpuRenderer(): Promise<string> {
  const { gpu } = navigator as unknown as { gpu: { requestAdapter(): Promise<Adapter> } };
  const { vendor, architecture, device, description } = (await gpu.requestAdapter()).info;
  return describeRenderer([vendor, architecture, device, description].filter(Boolean).join(" "));
}

function webGlRenderer(): string {
  const gl = document.createElement("canvas").getContext("webgl2")!;
  const unmasked = gl.getExtension("WEBGL_debug_renderer_info");
  return describeRenderer(gl.getParameter(unmasked?.UNMASKED_RENDERER_WEBGL ?? gl.RENDERER) as string);
}
