import { expect } from "chai";
import { ConfigError, openDevice } from "@fromnoise/tensor";
import { deviceOpener } from "../../src/command/command.js";
import { demo } from "../../src/command/demo.js";
import { likelihood } from "../../src/command/likelihood.js";
import { commands } from "../../src/command/main.js";
import { parseCommandLine } from "../../src/command/parse.js";
import { resumeOverrides } from "../../src/command/train-flags.js";
import { thrown } from "../thrown.js";

const NAME = "FROMNOISE_REVECTORIZE";

/** What a device says of itself with the variable set. */
async function described(value: string | undefined, open: () => Promise<{ description: string; dispose(): Promise<void> }>): Promise<string> {
  const before = process.env[NAME];
  if (value === undefined) delete process.env[NAME];
  else process.env[NAME] = value;
  try {
    const device = await open();
    await device.dispose();
    return device.description;
  } finally {
    if (before === undefined) delete process.env[NAME];
    else process.env[NAME] = before;
  }
}

describe("what V8 has behind flags", function () {
  this.timeout(20_000);
  const spec = "wasm:threads=1";
  const asCommand = (value?: string, text = spec) => described(value, () => deviceOpener(true)(text));

  it("is used by commands, not by libraries, unless these ask", async () => {
    const best = await asCommand();
    const plain = await described(undefined, () => openDevice("wasm", { threads: 1 }));
    expect(plain).to.match(/^wasm: (base|relaxed) SIMD, 1 thread, fast$/);
    expect(best).to.match(/^wasm: (revectorized SIMD \(\d+\.\dx relaxed SIMD\), 1 thread, fast|.*\((not .+: .+)\))$/).and.not.equal(plain);
    expect(await described(undefined, () => openDevice("wasm", { threads: 1, revectorize: "auto" }))).to.equal(best);
    expect(await described("auto", () => openDevice("wasm", { threads: 1 }))).to.equal(best);
  });

  it("is left alone with --no-revectorize, FROMNOISE_REVECTORIZE=0 and deterministic devices", async () => {
    const plain = await described(undefined, () => openDevice("wasm", { threads: 1 }));
    expect(await described(undefined, () => deviceOpener(false)(spec))).to.equal(plain);
    expect(await described("1", () => deviceOpener(false)(spec))).to.equal(plain);
    expect(await asCommand("0")).to.equal(plain);
    expect(await asCommand(undefined, "wasm:deterministic,threads=1")).to.equal("wasm: base SIMD, 1 thread, fast, deterministic");
    expect(await asCommand("0", "wasm:threads=1,revectorize=auto"), "the string is nearer").to.equal(await asCommand());
  });

  it("is refused where flag and device contradict each other and where the variable is none of its values", async () => {
    const error = await thrown(ConfigError, deviceOpener(false)("wasm:revectorize"));
    expect(error.message).to.equal('--no-revectorize and the device "wasm:revectorize" contradict each other\n  hint     --device wasm');
    expect((await thrown(Error, asCommand("yes"))).message).to.equal('FROMNOISE_REVECTORIZE is "yes"\n  allowed  0, 1, auto');
  });

  it("has a flag in every command that computes on wasm, a resumed run's too", () => {
    const having = commands.filter(({ flags }) => flags.some(({ name }) => name === "revectorize")).map(({ name }) => name);
    expect(having).to.have.members(["train", "sample", "ema", "likelihood", "evaluate", "features", "doctor", "verify", "demo"]);
    const torch = ["scale"];                                                  // whose --device is PyTorch's
    expect(commands.filter(({ flags }) => flags.some(({ name }) => name === "device")).map(({ name }) => name)).to.have.members([...having, ...torch]);
    for (const { name } of [demo, likelihood]) {
      const request = parseCommandLine(commands, [name, ...(name === "likelihood" ? ["run"] : []), "--no-revectorize"], "0");
      expect("args" in request && request.args.flags.get("revectorize")).to.equal(false);
    }
    expect(resumeOverrides(new Map([["revectorize", false]]))).to.deep.equal({});
    expect(() => resumeOverrides(new Map([["seed", 1]]))).to.throw(ConfigError, "--seed cannot change");
  });
});
