/** What feature networks are trained to say: the class of an image, or what was done to it. */
import type { Random} from "@fromnoise/tensor";
import { type Shape } from "@fromnoise/tensor";
import type { Dataset } from "../../data/dataset.js";
import { flipHorizontal } from "../../image/resize.js";
import { hueRotated, shifted, softened } from "./augment.js";
import type { Heads } from "./config.js";

/** An image as the network is shown it, and the right answer to each head. */
export interface Question {
  readonly image: Float32Array;
  readonly answers: Readonly<Record<string, number>>;
}

/** What a feature network learns: questions about images, and their answers. */
export interface Task {
  readonly name: string;
  readonly heads: Heads;
  /** A question of training made of an image and its label, and one of testing; both draw from `random`. */
  train(image: Float32Array, shape: Shape, label: number | undefined, random: Random): Question;
  test(image: Float32Array, shape: Shape, label: number | undefined, random: Random): Question;
}

/** Shifts of -REACH .. REACH pixels. */
const REACH = 2;
const SHIFTS = 2 * REACH + 1;
/** Turns of hue, in equal parts of the circle. */
const HUES = 8;

/** One image in so many is shown as if it had been smaller. */
const SOFTENED = 4;

/**
 * To say the class, however the image is shifted, and be it somewhat blurred: in training every image is shifted by up to 2 pixels each
 * way, and one in four softened as if it had come at half its side or more; in testing it is shown as it is.
 */
export function classTask(classes: number): Task {
  return {
    name: "class", heads: { class: classes },
    train(image, shape, label, random) {
      const [dx, dy] = random.integers(2, SHIFTS), [soft] = random.integers(1, SOFTENED);
      const moved = shifted(image, shape, dx - REACH, dy - REACH), half = Math.ceil(shape[0] / 2);
      return { image: soft === 0 ? softened(moved, shape, half + random.integers(1, half)[0]) : moved, answers: { class: label! } };
    },
    test: (image, _, label) => ({ image, answers: { class: label! } }),
  };
}

/**
 * To say what was done to an image without a label: whether it was mirrored, by how many pixels it was shifted to the right and down
 * (-2 .. 2), and, in colour, by how many eighths of the circle its hues were turned. Whoever can say that knows how such images look.
 */
export function changeTask(channels: number): Task {
  const question: Task["train"] = (given, shape, _, random) => {
    const [flip] = random.integers(1, 2), [dx, dy] = random.integers(2, SHIFTS), [hue] = random.integers(1, HUES);
    const moved = shifted(flip === 1 ? flipHorizontal(given, shape[1], shape[2]) : given, shape, dx - REACH, dy - REACH);
    const image = channels === 3 ? hueRotated(moved, (2 * Math.PI * hue) / HUES) : moved;
    return { image, answers: { flip, dx, dy, ...(channels === 3 ? { hue } : {}) } };
  };
  const heads = { flip: 2, dx: SHIFTS, dy: SHIFTS, ...(channels === 3 ? { hue: HUES } : {}) };
  return { name: "change", heads, train: question, test: question };
}

/** The task for a dataset: its classes where it has labels, else what was done to an image. */
export function taskFor({ classes, shape }: Dataset): Task {
  return classes === undefined ? changeTask(shape[2]) : classTask(classes);
}
