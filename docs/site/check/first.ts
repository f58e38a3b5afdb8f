import { hold, type Check } from "./check.js";

/** The recorded way plays by itself, stops where it is put, and a class that is asked for is computed. */
export const check: Check = async (figure, thorough) => {
  const { page, root } = figure;
  await figure.until("the recorded digits play", ({ source, moving }) => source === "recorded" && moving === true);
  if (!thorough) return "plays";
  const before = await figure.read();
  const after = await figure.until("the next frame", ({ frame }) => frame !== before["frame"]);
  hold(after["shown"] !== before["shown"], "another frame shows the same pixels");
  await root.locator("input[type=range]").fill("20");
  const scrubbed = await figure.until("the first scrub computes", ({ source }) => source === "computed");
  hold(scrubbed["t"] === 199 && scrubbed["playing"] === false, `t is ${scrubbed["t"]} at frame 20, wanted 199 and no motion`);
  hold(scrubbed["digest"] === scrubbed["bitsOfNode"], `the page's bits are ${scrubbed["digest"]}, Node's ${scrubbed["bitsOfNode"]}`);
  await root.getByRole("button", { name: "7", exact: true }).click();
  const seven = await figure.until("sevens", ({ source, label }) => source === "computed" && label === 7);
  hold((seven["labels"] as number[]).every((label) => label === 7), `the classes are ${seven["labels"]}`);
  hold(seven["digest"] !== scrubbed["digest"], "sevens have the bits of one of each");
  await page.emulateMedia({ reducedMotion: "reduce" });
  await figure.until("rest under reduced motion", ({ moving }) => moving === false);
  await page.emulateMedia({ reducedMotion: "no-preference" });
  await figure.until("motion again", ({ moving }) => moving === true);
  return `scrubbed and drawn by class; bits ${scrubbed["digest"]} as in Node`;
};
