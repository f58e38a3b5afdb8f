import { expect } from "chai";
import { ConfigError } from "@fromnoise/tensor";
import {
  checkFields, field, group, migrateFields, optional, type Fields, type FieldTable, type InputOf, type OptionsOf, type ResumableOf,
} from "../../src/config/fields.js";
import { flagsOf, givenFields, optionsOf } from "../../src/config/flags.js";
import { flag, integer, number, numbers, object, oneOf, pair, text } from "@fromnoise/nn/kinds";
import { thrown } from "../thrown.js";

/** A table as a sampler has it. */
interface Options { steps: number; spacing: "even" | "odd"; churn: number | undefined; sizes: readonly number[] }
const fields: Fields<Options> = {
  steps: field(integer({ from: 1 }), 10, "steps taken", { value: "S" }),
  spacing: field(oneOf(["even", "odd"]), "even", "which of them", { was: "stride" }),
  churn: optional(number({ from: 0, below: 1 }), "noise added again"),
  sizes: field(numbers("8,16"), [8], "sides of the images"),
};

/** One with groups, as a configuration. */
const table = {
  name: field(text, "x", "a name", { resume: true }),
  quick: field(flag, false, "faster"),
  rate: group({
    decay: field(number({ above: 0 }), 0.5, "its decay", { flag: "decay" }),
    pairOfBetas: field(pair(number({ from: 0, below: 1 })), [0.9, 0.999], "two decays", { was: "betas" }),
  }),
  net: field(object<{ depth?: number }>(({ depth }) => { if (depth === 13) throw new ConfigError("no luck"); }), {}, "a network"),
};
type Table = OptionsOf<typeof table>;

const refusal = async (given: object): Promise<string> =>
  (await thrown(ConfigError, new Promise((resolve) => resolve(checkFields<Table>(table, given, "config"))))).message;

describe("a table of fields", () => {
  it("gives options: the defaults with what is given on top, undefined counting as not given", () => {
    expect(checkFields(fields, {}, "sampler")).to.deep.equal({ steps: 10, spacing: "even", churn: undefined, sizes: [8] });
    expect(checkFields(fields, { steps: 3, churn: 0, spacing: undefined }, "sampler")).to.deep.equal(
      { steps: 3, spacing: "even", churn: 0, sizes: [8] },
    );
    expect(checkFields<Table>(table, { rate: { decay: 2 } }, "config")).to.deep.equal(
      { name: "x", quick: false, rate: { decay: 2, pairOfBetas: [0.9, 0.999] }, net: {} },
    );
  });

  it("gives defaults of its own to everybody", () => {
    checkFields<Table>(table, {}, "config").rate.pairOfBetas[0] = 0;
    expect(table.rate.fields.pairOfBetas.default).to.deep.equal([0.9, 0.999]);
  });

  for (const [given, message] of [
    [{ nmae: "y" }, "config: there is no field nmae\n  allowed  name, quick, rate, net"],
    [{ constructor: 1 }, "config: there is no field constructor\n  allowed  "],
    [{ rate: { dekay: 1 } }, "config: there is no field rate.dekay\n  allowed  rate.decay, rate.pairOfBetas"],
    [{ rate: { betas: [0, 0] } }, "config: there is no field rate.betas\n  now      rate.pairOfBetas\n"],
    [{ rate: null }, "rate: null is not allowed\n  allowed  an object"],
    [[], "config: [] is not allowed\n  allowed  an object"],
    [{ rate: { decay: NaN } }, "rate.decay: NaN is not allowed\n  allowed  numbers > 0"],
    [{ net: { depth: 13 } }, "no luck"],
  ] as const) {
    it(`refuses ${JSON.stringify(given)}`, async () => expect((await refusal(given)).slice(0, message.length)).to.equal(message));
  }

  it("refuses in types what it refuses at run time", () => {
    const options: Table = checkFields<Table>(table, {}, "config");
    // @ts-expect-error: no such field
    const unknown: InputOf<typeof table> = { nmae: "y" };
    // @ts-expect-error: no such field in the group
    const inner: InputOf<typeof table> = { rate: { dekay: 1 } };
    // @ts-expect-error: no such field in the network
    const network: InputOf<typeof table> = { net: { width: 1 } };
    // @ts-expect-error: a number
    const wrong: string = options.rate.decay;
    // @ts-expect-error: only `name` may change
    const changed: ResumableOf<typeof table> = { quick: true };
    expect([unknown, inner, network, wrong, changed]).to.have.length(5);
  });

  it("knows what files call by earlier names, and leaves alone what stands there twice", () => {
    const held = { name: "y", rate: { betas: [0, 0] } };
    expect(migrateFields(table, held)).to.deep.equal({ name: "y", rate: { pairOfBetas: [0, 0] } });
    expect(held).to.deep.equal({ name: "y", rate: { betas: [0, 0] } });
    const twice = { rate: { betas: [0, 0], pairOfBetas: [1, 1] } };
    expect(migrateFields(table, twice)).to.deep.equal(twice);
  });

  it("gives flags: all that a text can say, in kebab-case unless the field says another name", () => {
    const named = (of: FieldTable): string[][] => flagsOf(of).map(({ name, path, was = "" }) => [name, path, was]);
    expect(named(table)).to.deep.equal([
      ["name", "name", ""], ["quick", "quick", ""], ["decay", "rate.decay", ""],
      ["rate-pair-of-betas", "rate.pairOfBetas", "rate-betas"],
    ]);
    expect(named(fields)[1]).to.deep.equal(["spacing", "spacing", "stride"]);
  });

  it("makes options of the flags that are given", () => {
    const values = new Map<string, unknown>([["decay", 2], ["quick", true], ["somebody-else", 1]]);
    expect(givenFields(table, values)).to.deep.equal({ quick: true, rate: { decay: 2 } });
    expect(optionsOf<Table>(table, values)).to.deep.include({ name: "x", quick: true });
  });
});
