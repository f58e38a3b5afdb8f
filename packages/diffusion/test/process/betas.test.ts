/** A schedule that is given by its betas. */
import { expect } from "chai";
import { ConfigError } from "@fromnoise/tensor";
import { makeSchedule, processOf, trainConfig, type DiscreteProcess, type ProcessOptions } from "@fromnoise/diffusion";
import { expectConfigError } from "../scalars.js";

const given = (options: Partial<ProcessOptions>): ProcessOptions => ({ name: "betas", timesteps: 3, betas: [0.1, 0.2, 0.3], ...options });

describe("a process of given betas", () => {
  it("is the process of a named schedule with the same betas, to the last bit", () => {
    const named = { name: "cosine", timesteps: 50 } as const;
    const betas = Array.from(makeSchedule(named).betas);
    const [a, b] = [processOf(named), processOf({ name: "betas", timesteps: 50, betas })] as DiscreteProcess[];
    expect(b.levels).to.deep.equal(a.levels);
    expect({ ...b.schedule, name: "" }).to.deep.equal({ ...a.schedule, name: "" });
    expect(b.name).to.equal("betas");
  });

  it("may be rescaled to end without signal", () => {
    const { schedule } = processOf(given({ zeroTerminalSnr: true })) as DiscreteProcess;
    expect([schedule.betas[0], schedule.betas[2], schedule.alphaBar[2]]).to.deep.equal([0.1, 1, 0]);
  });

  it("is a run's where a configuration says it, and stands in it", () => {
    const { schedule } = trainConfig({ schedule: given({}) });
    expect(schedule).to.deep.include({ name: "betas", betas: [0.1, 0.2, 0.3] });
    expect(JSON.parse(JSON.stringify(schedule))).to.deep.include({ betas: [0.1, 0.2, 0.3] });
  });

  it("is refused without betas, with another number of them, with betas that are none, and betas are for no other process", () => {
    expectConfigError(() => processOf(given({ betas: undefined })), "betas: there are 0 of them\n  allowed    3, as many as timesteps");
    expectConfigError(() => processOf(given({ timesteps: 4 })), "betas: there are 3 of them\n  allowed    4, as many as timesteps");
    expectConfigError(() => processOf(given({ betas: [0.1, -1, 0.3] })), "betas[1]: -1 is not a variance of added noise\n  allowed    numbers between 0 and 1, both excluded");
    expectConfigError(() => processOf(given({ name: "linear" })), "schedule.betas: 3 of them is not for the process linear\n  allowed  none; others for betas");
    expectConfigError(() => processOf(given({ logSnrShift: 1 })),
      "schedule.logSnrShift: 1 is not for the process betas\n  allowed  0; others for continuous-cosine, continuous-linear");
    expect(() => trainConfig({ schedule: { name: "betas", timesteps: 2, betas: [0.1, 2] } })).to.throw(ConfigError, "schedule.betas: [0.1,2] is not allowed");
    expect(() => trainConfig({ schedule: { name: "betas" } })).to.throw(ConfigError, "betas: there are 0 of them");
  });
});
