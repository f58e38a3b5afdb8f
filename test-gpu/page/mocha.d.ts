/** Mocha's build for browsers, of which the types of mocha say nothing. */
declare module "mocha/mocha.mjs" {
  import type Runner from "mocha";
  export const Mocha: typeof Runner;
}
