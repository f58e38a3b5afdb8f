/** JSON from outside: V8's parser is recursive, so that a file of brackets would end the program in place of being refused. */

export interface JsonOptions {
  /** Whether the one word that Python writes beside JSON, -Infinity, is a number too. */
  readonly infinities?: boolean;
}

/** Most objects and lists within each other: no configuration comes near. */
const MOST_NESTED = 100;
/** Most objects, lists and strings, which take hundreds of bytes each where they take two in the text. */
const MOST_PARTS = 2 ** 21;

/**
 * The value of a JSON text, what lists and objects in it hold nested at most 100 deep, in all at most 2^21 of them and of strings. Names such as `__proto__` become fields of
 * their own. Throws SyntaxError, for its caller to say where: for text that is no JSON, and for what is deeper or has more parts. Time
 * and memory are linear in the text, whatever it holds.
 */
export function parseJson(text: string, { infinities = false }: JsonOptions = {}): unknown {
  const pieces: string[] = [];                                                // the text with -Infinity written as JSON has it
  let depth = 0, parts = 0, from = 0;
  for (let i = 0; i < text.length; i++) {
    switch (text[i]) {
      case '"': parts++; i = endOfString(text, i); break;
      case "{": case "[":
        parts++;
        if (++depth > MOST_NESTED) throw new SyntaxError(`objects and lists are nested more than ${MOST_NESTED} deep at character ${i}`);
        break;
      case "}": case "]": depth--; break;
      case "-":
        if (!infinities || !text.startsWith("Infinity", i + 1)) break;
        pieces.push(text.slice(from, i), "-1e999");
        i += "Infinity".length;
        from = i + 1;
        break;
    }
    if (parts > MOST_PARTS) throw new SyntaxError(`there are more than ${MOST_PARTS} objects, lists and strings`);
  }
  return JSON.parse(pieces.length === 0 ? text : pieces.join("") + text.slice(from)) as unknown;
}

/** Where the string ends that begins with the quote at i: at its second one, or with the text. */
export function endOfString(text: string, i: number): number {
  for (let end = i + 1; end < text.length; end++) {
    if (text[end] === "\\") end++;
    else if (text[end] === '"') return end;
  }
  return text.length;
}
