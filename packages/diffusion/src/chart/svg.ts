/** SVG as text. */

/** Attributes of an element; numbers are rounded to a tenth of a pixel, what is undefined is left out. */
export type Attributes = Readonly<Record<string, number | string | undefined>>;

/** `<name attributes>content</name>`. The content is SVG already; attributes are escaped. */
export function element(name: string, attributes: Attributes, ...content: readonly string[]): string {
  const written = Object.entries(attributes).map(([key, value]) => (
    value === undefined ? "" : ` ${key}="${typeof value === "number" ? tenths(value) : escapeXml(value)}"`
  )).join("");
  return content.length === 0 ? `<${name}${written}/>` : `<${name}${written}>${content.join("")}</${name}>`;
}

/** A number to a tenth, "12.3". */
export function tenths(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** The text as content of XML or HTML, or of an attribute of theirs. */
export function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Pixels between lines of text, and the size of its font. */
export const LINE = 20, FONT_SIZE = 14;

/** At least the pixels that a line of text takes: the viewer picks the font, and of sans-serif fonts the widest digits have 0.64 of its size. */
export function textWidth(text: string): number {
  return 0.64 * FONT_SIZE * text.length;
}
