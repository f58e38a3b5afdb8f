import { expect } from "chai";
import { formatGradcheck, gradcheck, openDevice, type Device, type GradcheckReport } from "@fromnoise/tensor";
import { layerGradcheckCases, networkGradcheckCases, type LayerGradcheckCase } from "@fromnoise/nn";
import { mutations } from "./mutations.js";

const cases = [...layerGradcheckCases, ...networkGradcheckCases];

describe("gradient checks of layers", () => {
  let device: Device;
  before(async () => void (device = await openDevice("reference")));
  after(() => device.dispose());

  const check = async ({ build, mode }: LayerGradcheckCase): Promise<GradcheckReport> => {
    const { inputs, forward, backward } = build(device, 1);
    const report = await gradcheck({ forward, backward }, inputs, { mode });
    for (const t of Object.values(inputs)) t.dispose();
    return report;
  };

  for (const layerCase of cases) {
    it(`pass for ${layerCase.op}: ${layerCase.name}`, async () => {
      const report = await check(layerCase);
      expect(report.pass, formatGradcheck(report)).to.be.true;
      expect(device.memory().tensors, "tensors left alive").to.equal(0);
    });
  }

  for (const { op, name, mistake, apply } of mutations) {
    it(`reject ${op}: ${mistake}`, async () => {
      const layerCase = cases.find((c) => c.op === op && (name === undefined || c.name === name))!;
      const restore = apply();
      try {
        expect((await check(layerCase)).pass).to.be.false;
      } finally {
        restore();
      }
    });
  }
});
