/**
 * Files of torch.save: checkpoints of other programs' training, and state dicts alone. The numbers come as @fromnoise/nn reads them, by
 * a pickle machine that runs nothing; what they mean is told by the names of the tensors, which are those of one of `torchLayouts`.
 * docs/pytorch-files.md says which, and what is assumed where a file does not say it.
 */
import { CheckpointError } from "@fromnoise/tensor";
import { isTorchFile, readStateDict, readTorchFile, TorchTensor, type TorchFile } from "@fromnoise/nn";
import { WEIGHTS, type ModelFormat, type Weights } from "../model-format.js";
import { pathOf, withFile, type Source } from "../source.js";
import { lucidrainsLayout } from "./torch-lucidrains.js";
import { hoLayout } from "./torch-ho.js";
import { torchContents } from "./torch-contents.js";
import type { Said, TorchLayout, TorchModel, TorchWeights } from "./torch-layout.js";
import { openaiLayout } from "./torch-openai.js";
import { plainLayout } from "./torch-plain.js";

/** The first that knows the names of a state dict reads it. */
const torchLayouts: readonly TorchLayout[] = [lucidrainsLayout, openaiLayout, hoLayout, plainLayout];

export const torchFormat: ModelFormat = {
  name: "a file of torch.save",
  files: "one .pt, .pth, .ckpt or .bin",

  async detect(source) {
    const names = await source.list();
    return names.length === 1 && withFile(source, names[0]!, isTorchFile);
  },

  describe: (source, { network } = {}) => withTorch(source, {}, network, async ({ weights, layout, model, named, held }) => {
    const { network: spec, process, prediction, variance, clipX0, assumed } = model;
    const how = { process, prediction, variance, clipX0 };
    const step = weights.facts.get("step");
    const facts = { file: weights.source, format: `torch.save, ${layout.name}`, ...Object.fromEntries(weights.facts), ...(assumed === "" ? {} : { assumed }) };
    return { network: spec, how, facts: { ...facts, ...how }, ...(typeof step === "number" ? { step } : {}), ...(named ? { weights: held } : {}) };
  }),

  read: (source, { weights: wanted, network } = {}) => withTorch(source, wanted === undefined ? {} : { wanted }, network, async ({ file, weights, layout, model, set, named, held }) => {
    const { assumed, wanted: isWeight, convert, ...info } = model;
    const tensors = convert(await readStateDict(file, weights.dict, isWeight));
    const step = weights.facts.get("step");
    const parts = [
      weights.source, layout.name, ...(step === undefined ? [] : [`step ${step}`]), ...(named ? [set === "ema" ? "averaged weights" : "raw weights"] : []),
      ...(assumed === "" ? [] : [`assumed ${assumed}`]),
    ];
    return { ...info, tensors, source: parts.join(", "), ...(named ? { held } : {}) };
  }),
};

interface Opened {
  readonly file: TorchFile;
  readonly weights: TorchWeights;
  readonly layout: TorchLayout;
  readonly model: TorchModel;
  /** Which set of weights was taken of those that there are, and whether the file says so. */
  readonly set: Weights;
  readonly held: readonly Weights[];
  readonly named: boolean;
}

/** Opens the file of a source and finds out what it is. Throws CheckpointError and ConfigError as `read` does. */
async function withTorch<T>(source: Source, { wanted }: { wanted?: Weights }, said: Said = {}, use: (opened: Opened) => Promise<T>): Promise<T> {
  const [name] = await source.list();
  const path = pathOf(source, name!);
  return withFile(source, name!, async (reader) => {
    const file = await readTorchFile(reader, path);
    const { sets, named, facts } = torchContents(file.value, path);
    if (wanted !== undefined && !named) throw new CheckpointError(`${path} holds one set of weights, and does not say which`, ["hint     leave out which to take"]);
    const set = wanted ?? WEIGHTS.find((weights) => sets.has(weights))!;
    const dict = sets.get(set);
    if (dict === undefined) throw new CheckpointError(`${path} holds no weights ${set}`, [`found    ${[...sets.keys()].join(", ")}`]);
    const layout = torchLayouts.find((candidate) => candidate.knows(dict))!;
    const weights: TorchWeights = {
      source: path, dict, facts,
      async numbers(tensor) {
        const found = dict.get(tensor);
        if (!(found instanceof TorchTensor)) throw new CheckpointError(`${path} has no tensor ${tensor}`);
        return (await file.read(found)).data;
      },
    };
    return use({ file, weights, layout, model: await layout.model(weights, said), set, named, held: [...sets.keys()] });
  });
}
