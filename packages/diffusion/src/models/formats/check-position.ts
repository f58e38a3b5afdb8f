/** Where a run stood, as its checkpoint says it: looked at before it is believed. */
import { CheckpointError } from "@fromnoise/tensor";
import { isObject } from "@fromnoise/nn/kinds";
import type { TrainerPosition } from "../../train/trainer.js";

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isRandomState = (value: unknown): boolean =>
  isObject(value) && ["seed", "stream", "counter"].every((name) => isCount(value[name]));
const isHistory = (value: unknown): boolean => Array.isArray(value)
  && value.every((losses) => Array.isArray(losses) && losses.every((loss) => Number.isFinite(loss)));

/** Throws CheckpointError, naming the field, for a position that no run can have stood at. */
export function checkPosition(path: string, position: Readonly<Record<string, unknown>>): TrainerPosition {
  const wrong = (field: string, allowed: string): CheckpointError => {
    const shown = JSON.stringify(field.split(".").reduce<unknown>((value, name) => (isObject(value) ? value[name] : undefined), position));
    return new CheckpointError(`${path}: position.${field} is ${(shown ?? "missing").slice(0, 80)}`, [`allowed  ${allowed}`]);
  };
  const { step, data, random, losses, multiplyAdds } = position;
  if (!isCount(step)) throw wrong("step", "whole numbers from 0");
  if (!isCount(data)) throw wrong("data", "whole numbers from 0");
  if (!isObject(random)) throw wrong("random", "{timesteps, noise, dropout, ...}");
  for (const name of Object.keys(random)) if (!isRandomState(random[name])) throw wrong(`random.${name}`, "{seed, stream, counter}, whole numbers from 0");
  if (losses !== undefined && !isHistory(losses)) throw wrong("losses", "a list of the last losses of every step");
  if (![undefined, "fused", "separate"].includes(multiplyAdds as string | undefined)) throw wrong("multiplyAdds", "fused, separate");
  return position as unknown as TrainerPosition;
}
