/** What --help shows, of a command and of all of them. */
import type { Flag } from "../config/flags.js";
import type { Command } from "./command.js";

/** The commands, one a line. */
export function overview(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  return [
    "fromnoise: denoising diffusion from scratch", "", "usage: fromnoise COMMAND [flags]", "",
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    "", "Begin with `fromnoise sample --recipe faces`, or `fromnoise train --recipe digits`.",
    "fromnoise COMMAND --help shows a command's flags and examples, fromnoise --version the version.",
    "On the wasm device commands compute by V8's revectorizer (Node 24, x86-64) where a check of it passes; FROMNOISE_REVECTORIZE=1 asks for it",
    "or an error, 0, as --no-revectorize, for neither it nor relaxed SIMD by flag (Node 20). It has a thread a core, or FROMNOISE_THREADS.",
  ].join("\n");
}

/** A command's summary, usage and examples, "--steps N   optimiser steps [2000]" for every flag, and its notes. */
export function helpText({ summary, usage, examples, flags, notes }: Command): string {
  const width = Math.max(0, ...flags.map((flag) => leftOf(flag).length));
  const headings = [...new Set(flags.map(({ heading }) => heading))];
  const sections = headings.map((heading) => [
    ...(heading === undefined ? [] : [`${heading}:`]),
    ...flags.filter((flag) => flag.heading === heading).map((flag) => `  ${leftOf(flag).padEnd(width)}  ${rightOf(flag)}`),
  ].join("\n"));
  const shown = ["examples:", ...examples.map((example) => `  ${example}`)].join("\n");
  return [summary, `usage: ${usage}`, shown, ...sections, ...(notes === undefined ? [] : [notes])].join("\n\n");
}

/** "--steps N", or "--flip" */
export function leftOf({ name, field: { value, kind } }: Flag): string {
  const placeholder = value ?? kind.placeholder;
  return placeholder === undefined ? `--${name}` : `--${name} ${placeholder}`;
}

function rightOf({ field: { help, kind: { choices }, default: preset, shown } }: Flag): string {
  const value = shown ?? (preset === undefined || preset === false ? undefined : String(preset));
  return `${help}${choices === undefined ? "" : `: ${choices.join(", ")}`}${value === undefined ? "" : ` [${value}]`}`;
}
