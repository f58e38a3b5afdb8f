/**
 * Task: these betas were made for T = 1000. With fewer steps the chain stops half way, and with more it goes on for long in pure
 * noise. Change them so that for every T from 30 to 4,000 the signal that is left, sqrt(alphaBar), is between 0.001 and 0.01, and all
 * betas are above 0 and below 1.
 */
export function betas(timesteps: number): number[] {
  return Array.from({ length: timesteps }, (_, t) => 1e-4 + (t * (0.02 - 1e-4)) / (timesteps - 1));
}
