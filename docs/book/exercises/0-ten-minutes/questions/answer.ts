/** One question a step, the last one included: DDIM takes the steps it is told, the ancestral sampler here too. Guidance doubles them. */
export function questions(_sampler: "ddim" | "ancestral", steps: number, guided: boolean): number {
  return guided ? 2 * steps : steps;
}
