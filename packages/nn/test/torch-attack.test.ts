/** Files that mean harm, and damaged ones: `npm run torture` tries thousands. */
import { readdirSync, readFileSync } from "node:fs";
import { expect } from "chai";
import { mostMegabytes } from "./attack/memory.js";
import { mutants } from "./attack/mutate.js";
import { attacks } from "./attack/pickles.js";
import { MOST_MEGABYTES, withstand } from "./attack/withstand.js";

const folder = new URL("golden/torch/", import.meta.url);
const MUTANTS = 300, SEED = 7;

describe("files of PyTorch that mean harm", function () {
  this.timeout(240_000);                                                      // each attack has its own limit, of computing

  it("are refused by one line that says what they ask for, or do nothing, in 5 s and 200 MB: every attack by hand", async () => {
    let tried = 0, told = 0;
    for (const { name, bytes, says } of attacks()) {
      let refusal: string | undefined;
      const megabytes = await mostMegabytes(async () => ({ refusal } = await withstand(name, bytes)));
      if (says !== undefined) expect(refusal, name).to.match(says);
      if (megabytes !== undefined) {
        expect(megabytes, `${name}: memory above the file`).to.be.below(MOST_MEGABYTES);
        told++;
      }
      tried++;
    }
    if (told === 0) console.log("      not told: memory, which needs /proc/self/clear_refs of Linux");
    expect(tried).to.be.above(150);
  });

  it(`are refused or opened when sound ones are damaged: ${MUTANTS} mutants, seed ${SEED}`, async () => {
    const names = readdirSync(folder).filter((name) => name.endsWith(".pt"));
    const sound = Object.fromEntries(names.map((name) => [name, new Uint8Array(readFileSync(new URL(name, folder)))]));
    for (const [name, bytes] of Object.entries(sound)) expect((await withstand(name, bytes)).refusal, name).to.equal(undefined);
    let refused = 0;
    for (const { name, bytes } of mutants(sound, MUTANTS, SEED)) if ((await withstand(name, bytes)).refusal !== undefined) refused++;
    expect(refused).to.be.above(MUTANTS / 2);
  });
});
