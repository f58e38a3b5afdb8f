/** Files that mean harm, and damaged ones: `attack/main.ts` tries thousands. */
import { readdirSync, readFileSync } from "node:fs";
import { expect } from "chai";
import { mutants } from "./attack/mutate.js";
import { attacks } from "./attack/pickles.js";
import { withstand } from "./attack/withstand.js";

const folder = new URL("golden/torch/", import.meta.url);
const MUTANTS = 300, SEED = 7;

describe("files of PyTorch that mean harm", () => {
  it("are refused by one line that says what they ask for, or do nothing: every attack by hand", async () => {
    let tried = 0;
    for (const { name, bytes, says } of attacks()) {
      const { refusal } = await withstand(name, bytes);
      if (says !== undefined) expect(refusal, name).to.match(says);
      tried++;
    }
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
