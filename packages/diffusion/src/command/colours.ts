/**
 * Colours of what the command prints, where a terminal has them: not in a file or a pipe, not with NO_COLOR or TERM=dumb. The text is the
 * same without them.
 */
import { styleText } from "node:util";

/** What is printed to: a terminal says whether it has colours, by what it is and by NO_COLOR. */
export type Stream = Pick<NodeJS.WriteStream, "isTTY"> & { hasColors?(): boolean };

/** The stream was looked at already, and is not always the one that Node would look at. */
const ALWAYS = { validateStream: false };

const hasColours = (stream: Stream): boolean => stream.isTTY && stream.hasColors?.() === true;

/** An error: its name and first line stand out, the labels of the lines below ("allowed", "hint") step back. */
export function colouredError(text: string, stream: Stream): string {
  if (!hasColours(stream)) return text;
  return text.replace(/^(?:[A-Z]\w*)?Error: .*/, (line) => styleText(["bold", "red"], line, ALWAYS))
    .replaceAll(/^ {2}[a-z]+(?= {2,}| \S)/gm, (label) => styleText("dim", label, ALWAYS));
}

/** A help text: headings and the usage stand out, flags and names of commands are coloured. */
export function colouredHelp(text: string, stream: Stream): string {
  if (!hasColours(stream)) return text;
  return text.replaceAll(/^[a-z][^\n]*:$|^usage:/gm, (heading) => styleText("bold", heading, ALWAYS))
    .replaceAll(/^ {2}(?:--[a-z0-9-]+(?: \S+)?|[a-z]+(?= {2,}))/gm, (name) => styleText("cyan", name, ALWAYS));
}
