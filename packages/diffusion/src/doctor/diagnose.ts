/** The doctor: everything that is examined, and what it is examined on. */
import { ConfigError, type Device } from "@fromnoise/tensor";
import type { Network } from "@fromnoise/nn";
import type { Dataset } from "../data/dataset.js";
import { denoiserOf, type Denoiser, type DiffusionModel } from "../denoisers/denoiser.js";
import type { Guidance } from "../denoisers/guided.js";
import { ddim, type AnySampler } from "../samplers/index.js";
import { seededNoise } from "../samplers/noise.js";
import { pathOf, runSampler } from "../samplers/run.js";
import type { StepMetrics } from "../train/metrics.js";
import { examineAnswers } from "./answers.js";
import { withCauses } from "./causes.js";
import { chainMoments, examineChain, lookAt, type ChainStep } from "./chain.js";
import { examineCopying } from "./copying.js";
import { examineCourse } from "./course.js";
import { examineEnds } from "./ends.js";
import type { Examined, Figure, Finding } from "./finding.js";
import { examineLabels, examineRecognition } from "./labels.js";
import { examineLayers } from "./layers.js";
import { examineLoss } from "./loss-by-level.js";
import type { GivenSamples, Patient } from "./patient.js";
import { examineSamples } from "./samples.js";
import { examineTrials, momentsOf, trySampler } from "./sampler-trial.js";
import { examineTime } from "./time.js";
import { examineRest, examineWeights } from "./weights.js";

/** What the doctor looks at. */
export interface DiagnoseOptions {
  /** The network that is sampled, averaged weights where there are such, with its process and its prediction. */
  readonly model: DiffusionModel;
  readonly device: Device;
  /** What it was trained on, and what was held out of it. */
  readonly training: Dataset;
  readonly heldOut?: Dataset | undefined;
  /** The same network with the weights of the last step, where `model` has averages. */
  readonly raw?: Network | undefined;
  /** Samples that there are already; unless given, some are drawn. */
  readonly samples?: GivenSamples | undefined;
  /** How samples are drawn, with what options and denoiser; default DDIM over the model as it is. */
  readonly sampler?: AnySampler | undefined;
  readonly options?: object | undefined;
  readonly denoiser?: ((labels: readonly number[] | undefined) => Denoiser) | undefined;
  readonly guidance?: Guidance | undefined;
  /** Samples drawn; default 64. */
  readonly count?: number | undefined;
  /** What training wrote down. */
  readonly metrics?: readonly StepMetrics[] | undefined;
  /** Of all noise; default 0. */
  readonly seed?: number | undefined;
  /** What was found out of this network before; what is found out now is added to it. */
  readonly memory?: DoctorMemory | undefined;
  /** Called before each examination, with its name, how many are done, and how many there are. */
  readonly onStage?: ((name: string, done: number, total: number) => void) | undefined;
}

/** What was said of networks, for callers who examine one several times, with other samplers, and know that nothing of it changed in between. */
export type DoctorMemory = WeakMap<Network, { readonly of: readonly unknown[]; readonly examined: Map<string, Examined> }>;

/** What the doctor says. */
export interface Diagnosis {
  /** All that was measured, by examination. */
  readonly figures: readonly (Figure & { readonly examination: string })[];
  /** What is not as it should be, faults first; and the name of the finding that explains it, where one does. */
  readonly findings: readonly (Finding & { readonly examination: string; readonly because?: string })[];
  /** What was looked at. */
  readonly samples: GivenSamples;
}

interface Examination {
  readonly name: string;
  /** Whether it looks at samples and how they were drawn too, and not at the model and its data alone. */
  readonly samples?: true;
  examine(patient: Patient): Examined | Promise<Examined>;
}

/** All examinations, in the order in which they are told. */
const examinations: readonly Examination[] = [
  { name: "data and process", examine: examineEnds },
  { name: "weights", examine: examineWeights },
  { name: "layers", examine: examineLayers },
  { name: "answers", examine: examineAnswers },
  { name: "time", examine: examineTime },
  { name: "classes", examine: examineLabels },
  { name: "loss", examine: examineLoss },
  { name: "rest", examine: examineRest },
  { name: "training", examine: examineCourse },
  { name: "classes of samples", samples: true, examine: examineRecognition },
  { name: "sampler", samples: true, examine: examineTrials },
  { name: "chain", samples: true, examine: examineChain },
  { name: "samples", samples: true, examine: examineSamples },
  { name: "copies", samples: true, examine: examineCopying },
];

/** Examines, unless the memory knows what came out. */
async function examined({ name, samples, examine }: Examination, patient: Patient, memory: DoctorMemory | undefined): Promise<Examined> {
  if (memory === undefined || samples === true) return examine(patient);
  const { model: { network, process, prediction }, raw, training, heldOut, metrics, seed } = patient;
  const of = [process, prediction, raw, training, heldOut, metrics, seed];
  const known = memory.get(network);
  const here = known !== undefined && known.of.every((value, i) => value === of[i]) ? known : { of, examined: new Map<string, Examined>() };
  memory.set(network, here);
  const result = here.examined.get(name) ?? await examine(patient);
  here.examined.set(name, result);
  return result;
}

const COUNT = 64;

/**
 * Examines a model, its data and its samples, by what they do: no setting is read. With the same seed the same figures come out.
 * Throws ConfigError for networks that are conditioned on more than a class, and for labels that are missing; what network and sampler throw.
 */
export async function diagnose(options: DiagnoseOptions): Promise<Diagnosis> {
  const { model, device, training, heldOut = training, raw, metrics, seed = 0, onStage } = options;
  if (model.network.spec.classes !== undefined && training.label === undefined) {
    throw new ConfigError("doctor: the network has classes, and the data have none", ["allowed  the data that it was trained on"]);
  }
  const total = examinations.length + 1;
  onStage?.("drawing samples", 0, total);
  const drawn = options.samples === undefined ? await draw(options) : { samples: options.samples, chain: undefined };
  const trial = options.samples !== undefined && options.sampler === undefined ? undefined : await trialOf(options);
  const patient: Patient = { model, device, training, heldOut, raw, metrics, seed, trial, ...drawn };
  const figures: (Figure & { examination: string })[] = [], findings: (Finding & { examination: string })[] = [];
  for (const [k, examination] of examinations.entries()) {
    const { name } = examination;
    onStage?.(name, k + 1, total);
    const found = await examined(examination, patient, options.memory);
    figures.push(...found.figures.map((figure) => ({ examination: name, ...figure })));
    findings.push(...found.findings.map((finding) => ({ examination: name, ...finding })));
  }
  onStage?.("done", total, total);
  return { figures, findings: withCauses(findings), samples: drawn.samples };
}

/** Draws samples and looks at the way there. */
async function draw({ model, device, training, sampler = ddim as AnySampler, options = {}, denoiser, guidance, count = COUNT, seed = 0 }: DiagnoseOptions): Promise<{ samples: GivenSamples; chain: ChainStep[] }> {
  const { classes } = model.network.spec;
  const labels = classes === undefined ? undefined : Array.from({ length: count }, (_, i) => i % classes);
  const denoise = denoiser?.(labels) ?? denoiserOf(model, { labels }, guidance);
  const dtype = model.network.parameters[0]?.tensor.dtype ?? "f32";
  const shape = [count, ...training.shape];
  const moments = chainMoments(pathOf(sampler, model.process, options).length - 1);
  const run = runSampler(sampler, { denoise, process: model.process, shape, device, dtype, noise: seededNoise(seed), variance: model.variance, options });
  const chain: ChainStep[] = [];
  for (let i = 0; ; i++) {
    const result = await run.next();
    if (result.done === true) {
      const data = await result.value.data().finally(() => result.value.dispose());
      return { samples: { images: { shape, data }, labels }, chain };
    }
    if (moments.has(i)) chain.push(await lookAt(result.value));
  }
}

async function trialOf({ model: { process }, device, training, sampler = ddim as AnySampler, options = {}, seed = 0 }: DiagnoseOptions): Promise<Patient["trial"]> {
  return trySampler(sampler, { process, device, options, seed, ...momentsOf(training) });
}
