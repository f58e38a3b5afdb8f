/**
 * Task: predict how often the network is asked, in batches of samples, for DDIM of so many steps, and for the ancestral sampler of a
 * model that was trained with T = 1000; and how often with guidance, which compares the answer for a class with the one for no class.
 */
export function questions(sampler: "ddim" | "ancestral", steps: number, guided: boolean): number {
  return sampler === "ddim" ? steps - 1 : guided ? steps : 1000;
}
