import { makeSchedule } from "@fromnoise/diffusion";
import { hold, type Check } from "./check.js";

/** A value typed by hand is read in all conventions. */
export const check: Check = async (figure) => {
  const alphaBar = makeSchedule({ name: "linear", timesteps: 1000 }).alphaBar[500];
  await figure.root.getByLabel("Ho, Jain, Abbeel 2020 (and here)").fill(String(alphaBar));
  const typed = await figure.read();
  const sigma = Math.sqrt((1 - alphaBar) / alphaBar);
  hold(Math.abs((typed["edmSigma"] as number) - sigma) < 1e-9, `EDM's sigma is ${typed["edmSigma"]}, wanted ${sigma}`);
  hold(Math.abs((typed["flowTime"] as number) - sigma / (1 + sigma)) < 1e-9, `flow time is ${typed["flowTime"]}`);
  await figure.root.getByLabel("Karras et al. 2022 (EDM)").fill("-1");
  const refused = await figure.read();
  hold(String(refused["message"]).includes("allowed"), "a negative sigma is not refused");
  await figure.set({ key: "edmSigma", value: 1 });
  hold((await figure.read())["alphaBar"] === 0.5, "EDM's sigma 1 is not alphaBar 0.5");
  return `alphaBar ${alphaBar.toPrecision(4)} is sigma ${sigma.toPrecision(4)}`;
};
