/** ln alphaBar is about minus the sum of the betas, T times their mean: so they are scaled by 1000 / T, as `scaled-linear` does. */
export function betas(timesteps: number): number[] {
  const scale = 1000 / timesteps;
  return Array.from({ length: timesteps }, (_, t) => scale * (1e-4 + (t * (0.02 - 1e-4)) / (timesteps - 1)));
}
