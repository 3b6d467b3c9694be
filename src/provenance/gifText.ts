/** Text inside GIF files (GIF89a, 24: comment extension), put in and found without touching the pictures' own bytes. */

const [EXTENSION, COMMENT, IMAGE, TRAILER] = [0x21, 0xfe, 0x2c, 0x3b];
/** Header and logical screen descriptor. */
const HEAD = 13;
const MOST_IN_BLOCK = 255;

/** The file is no GIF, or is cut off. */
export class GifError extends Error {
  override readonly name = "GifError";
}

export const isGif = (bytes: Uint8Array): boolean => String.fromCharCode(...bytes.subarray(0, 4)) === "GIF8";

/** `gif` with a comment "KEYWORD TEXT" before its first picture. Throws GifError when it is no GIF. */
export function withComment(gif: Uint8Array, keyword: string, text: string): Uint8Array<ArrayBuffer> {
  const start = firstBlock(gif);
  const utf8 = new TextEncoder().encode(`${keyword} ${text}`);
  const blocks: number[] = [EXTENSION, COMMENT];
  for (let at = 0; at < utf8.length; at += MOST_IN_BLOCK) {
    const block = utf8.subarray(at, at + MOST_IN_BLOCK);
    blocks.push(block.length, ...block);
  }
  const out = new Uint8Array(gif.length + blocks.length + 1);
  out.set(gif.subarray(0, start));
  out.set(blocks, start);
  out.set(gif.subarray(start), start + blocks.length + 1); // between them a zero ends the comment
  return out;
}

/** The text behind `keyword` in the first comment that begins with it; null where there is none. Throws GifError. */
export function commentIn(gif: Uint8Array, keyword: string): string | null {
  let at = firstBlock(gif);
  while (gif[at] === EXTENSION || gif[at] === IMAGE) {
    const isComment = gif[at] === EXTENSION && gif[at + 1] === COMMENT;
    at += gif[at] === EXTENSION ? 2 : 11 + tableBytes(gif[at + 9]!); // an image: descriptor, its colours, the code size
    const bytes: number[] = [];
    for (;;) {
      const length = gif[at];
      if (length === undefined || at + length >= gif.length) throw new GifError("the GIF is cut off.");
      at += 1;
      if (length === 0) break;
      if (isComment) bytes.push(...gif.subarray(at, at + length));
      at += length;
    }
    const text = isComment ? new TextDecoder().decode(Uint8Array.from(bytes)) : "";
    if (text.startsWith(`${keyword} `)) return text.slice(keyword.length + 1);
  }
  if (gif[at] !== TRAILER) throw new GifError("the GIF is cut off.");
  return null;
}

function firstBlock(gif: Uint8Array): number {
  if (!isGif(gif)) throw new GifError("the file is no GIF.");
  if (gif.length <= HEAD) throw new GifError("the GIF is cut off.");
  return HEAD + tableBytes(gif[10]!);
}

/** Of a colour table, by the flags that announce it. */
const tableBytes = (flags: number): number => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);
