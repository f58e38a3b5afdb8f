/** Which findings follow from which: one mistake shows in many figures, and the one to change is named first. */
import type { Finding } from "./finding.js";

/** What any network shows that answers wrongly, and what samples show of it. */
const ofAnswers = ["read-otherwise", "average-lags", "class-renamed", "other-time", "class-unheard", "worse-than-mean", "not-learnt", "output-scale", "bias", "restless-weights", "overfit", "large-gradient", "loss-flat"];
const ofChains = ["x0-beyond", "chain-noise"];
const ofSamples = [
  "class-wrong", "samples-brightness", "samples-contrast", "samples-detail", "samples-colour", "samples-beyond", "samples-white", "samples-black", "samples-alike",
  "samples-constant", "samples-place",
];

/** A cause and what it explains, the first cause first. */
const explained: readonly (readonly [cause: string, findings: readonly string[]])[] = [
  ["weights-not-finite", ["not-finite", ...ofAnswers, ...ofChains, ...ofSamples]],
  ["random-answers", [...ofAnswers, ...ofChains, ...ofSamples]],
  ["dead-layers", ["zero-weights", "no-gradient", "no-input", ...ofAnswers, ...ofChains, ...ofSamples]],
  ["zero-weights", ["no-gradient", ...ofAnswers, ...ofChains, ...ofSamples]],
  ["exploding-layers", [...ofAnswers, ...ofChains, ...ofSamples]],
  ["no-input", ["no-time", ...ofAnswers, ...ofChains, ...ofSamples]],
  ["sum-for-mean", ["gradients-large", "loss-jumps", ...ofAnswers, ...ofChains, ...ofSamples]],
  ["no-time", [...ofAnswers, ...ofChains, ...ofSamples]],
  ["read-otherwise", [...ofAnswers, ...ofChains, ...ofSamples]],
  ["average-lags", [...ofAnswers, ...ofChains, ...ofSamples]],
  ["data-range", [...ofAnswers, ...ofChains, ...ofSamples]],
  ["class-renamed", ["other-time", "worse-than-mean", "not-learnt", "output-scale", "bias", "restless-weights", ...ofChains, ...ofSamples]],
  ["other-time", ["class-unheard", "worse-than-mean", "not-learnt", "output-scale", "bias", "restless-weights", ...ofChains, ...ofSamples]],
  ["loss-flat", ["not-learnt", "worse-than-mean", "output-scale", "bias", "restless-weights", "class-unheard", ...ofChains, ...ofSamples]],
  ["not-learnt", ["worse-than-mean", "output-scale", "bias", "restless-weights", "class-unheard", ...ofChains, ...ofSamples]],
  ["worse-than-mean", ["output-scale", "bias", "restless-weights", ...ofChains, ...ofSamples]],
  ["signal-at-the-end", ["noise-at-the-start", "sampler-end", "sampler-levels", ...ofChains, ...ofSamples]],
  ["sampler-noise-left", ["sampler-levels", "sampler-end", "chain-noise", ...ofSamples]],
  ["sampler-levels", ["sampler-end", ...ofChains, ...ofSamples]],
  ["sampler-end", [...ofChains, ...ofSamples]],
  ["x0-beyond", ["chain-noise", ...ofSamples]],
  ["chain-noise", ofSamples],
  ["class-unheard", ["class-wrong"]],
  ["overfit", ["copies"]],
  ["samples-constant", ofSamples.filter((name) => name !== "samples-constant")],
];

/** Faults before warnings, causes before what follows from them, and of each the name of its cause where it has one. */
export function withCauses<F extends Finding>(findings: readonly F[]): (F & { readonly because?: string })[] {
  const faults = new Set(findings.filter(({ severity }) => severity === "fault").map(({ name }) => name));
  const causes = explained.filter(([cause]) => faults.has(cause));
  const rank = (name: string): number => {
    const k = explained.findIndex(([cause]) => cause === name);
    return k < 0 ? explained.length : k;
  };
  const told = findings.map((finding): F & { readonly because?: string } => {
    const because = causes.find(([cause, names]) => names.includes(finding.name) && rank(cause) < rank(finding.name))?.[0];
    return because === undefined ? finding : { ...finding, because };
  });
  const order = ({ severity, name, because }: Finding & { because?: string }): number =>
    (because === undefined ? 0 : 2000) + (severity === "fault" ? 0 : 1000) + rank(name);
  return told.sort((a, b) => order(a) - order(b));
}
