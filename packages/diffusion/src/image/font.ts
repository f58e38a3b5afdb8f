/**
 * A 5x7 bitmap font for captions in PNG files. A glyph is a string of 7 rows, top to bottom, or 9 with two below the
 * baseline; a row is a digit in base 32 whose five bits are the pixels, left to right: "e" = 01110 = " ### ".
 */
const GLYPHS: Readonly<Record<string, string>> = {
  " ": "0000000", "0": "ehhhhhe", "1": "4c4444e", "2": "eh1248v", "3": "eh161he", "4": "26aiv22", "5": "vgu11he",
  "6": "68guhhe", "7": "v124888", "8": "ehhehhe", "9": "ehhf12c", "A": "ehhvhhh", "B": "uhhuhhu", "C": "ehggghe",
  "D": "uhhhhhu", "E": "vgguggv", "F": "vgguggg", "G": "ehgnhhf", "H": "hhhvhhh", "I": "e44444e",
  "J": "72222ic", "K": "hikokih", "L": "ggggggv", "M": "hrllhhh", "N": "hhpljhh", "O": "4ahhha4", "P": "uhhuggg",
  "Q": "ehhhlid", "R": "uhhukih", "S": "fgge11u", "T": "v444444", "U": "hhhhhhe", "V": "hhhhha4", "W": "hhhllla",
  "X": "hha4ahh", "Y": "hhha444", "Z": "v1248gv", "a": "00e1fhf", "b": "ggmphhu", "c": "00egghe", "d": "11djhhf",
  "e": "00ehvge", "f": "698s888", "g": "00fhhhf1e", "h": "ggmphhh", "i": "40c444e", "j": "2062222ic", "k": "ggikoki",
  "l": "c44444e", "m": "00qllhh", "n": "00mphhh", "o": "00ehhhe", "p": "00uhhhugg", "q": "00fhhhf11", "r": "00mpggg",
  "s": "00fge1u", "t": "88s8896", "u": "00hhhjd", "v": "00hhha4", "w": "00hhlla", "x": "00ha4ah", "y": "00hhhhf1e",
  "z": "00v248v", ".": "00000cc", ",": "00000cc48", ":": "00cc0cc", ";": "00cc0cc48", "-": "000e000", "+": "044v440",
  "=": "00v0v00", "(": "2488842", ")": "8422248", "[": "e88888e", "]": "e22222e", "/": "11248gg", "%": "pp248jj",
  "_": "000000v", "'": "4400000", "\"": "aa00000", "!": "4444404", "?": "eh12404", "*": "04lel40", "#": "aavavaa",
  "<": "248g842", ">": "8421248", "^": "4ah0000", "&": "cik8lid", "|": "4444444",
};
const UNKNOWN = "vhhhhhv";

/** Font pixels are drawn as squares of this many pixels. */
const SCALE = 2;

/** Height of capital letters in pixels. */
export const TEXT_HEIGHT = 7 * SCALE;

/** Width in pixels of a line of text: 5 font pixels a character and 1 between. */
export function textWidth(text: string): number {
  return Math.max(0, (text.length * 6 - 1) * SCALE);
}

/** Calls fill(x, y, size) for every square of the text, relative to the left end of its baseline (y < 0 is above). */
export function forEachTextPixel(text: string, fill: (x: number, y: number, size: number) => void): void {
  [...text].forEach((char, index) => {
    [...(GLYPHS[char] ?? UNKNOWN)].forEach((digit, row) => {
      const bits = parseInt(digit, 32);
      for (let column = 0; column < 5; column++) {
        if ((bits >> (4 - column)) & 1) fill((index * 6 + column) * SCALE, (row - 7) * SCALE, SCALE);
      }
    });
  });
}
