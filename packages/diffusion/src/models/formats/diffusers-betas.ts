/** Schedules that diffusers has a name for and this library has none: they are taken as their betas. */

/** No beta of a schedule that is given by alphaBar passes this. */
const MAX_BETA = 0.999;

interface Betas { readonly timesteps: number; readonly betaStart: number; readonly betaEnd: number }

const named: Readonly<Record<string, (options: Betas) => number[]>> = {
  /** b0 + (bT - b0) s(x), x even from -6 to 6, s the logistic function (scheduling_ddpm.py, after GeoDiff). Not our "sigmoid". */
  sigmoid: ({ timesteps: T, betaStart, betaEnd }) => Array.from({ length: T }, (_, t) => (
    betaStart + (betaEnd - betaStart) / (1 + Math.exp(6 - 12 * (t / (T - 1 || 1))))
  )),
  /** The root of what "laplace" is here, its log-SNR moved by 1e-6 inside the logarithm (scheduling_ddpm.py). */
  laplace: ({ timesteps }) => fromAlphaBar(timesteps, (u) => {
    const lambda = -0.5 * (u <= 0.5 ? 1 : -1) * Math.log(1 - 2 * Math.abs(0.5 - u) + 1e-6);
    return Math.sqrt(1 / (1 + Math.exp(-lambda)));
  }),
  /** alphaBar(u) = e^-12u (scheduling_heun_discrete.py). */
  exp: ({ timesteps }) => fromAlphaBar(timesteps, (u) => Math.exp(-12 * u)),
};

/** The betas of one of these schedules; undefined for another name. */
export function betasNamed(name: string, options: Betas): number[] | undefined {
  return Object.hasOwn(named, name) ? named[name](options) : undefined;
}

/** beta_t = min(1 - f((t+1)/T) / f(t/T), 0.999). */
function fromAlphaBar(T: number, f: (u: number) => number): number[] {
  return Array.from({ length: T }, (_, t) => Math.min(1 - f((t + 1) / T) / f(t / T), MAX_BETA));
}
