/** The frames that are kept of a picture while it grows: enough to see how it came about, never more than memory has room for. */
import type { Picture } from "../../api/engine";

export interface FilmFrame {
  /** The step that the frame came with: it shows what the steps before it made. */
  step: number;
  /** One for each of the batch. */
  pictures: readonly Picture[];
}

/** More than these, or more bytes, and every second frame is let go. */
const MOST = 96;
const MOST_BYTES = 64 * 2 ** 20;

/** The film with one more frame at its end. The first and the last are always kept; those between thin out evenly. */
export function extended(film: readonly FilmFrame[], frame: FilmFrame): FilmFrame[] {
  const longer = [...film.filter(({ step }) => step < frame.step), frame];
  const tooMany = longer.length > MOST || longer.length * bytesOf(frame) > MOST_BYTES;
  return tooMany && longer.length > 3 ? longer.filter((_, i) => i % 2 === 0 || i === longer.length - 1) : longer;
}

const bytesOf = ({ pictures }: FilmFrame): number => pictures.reduce((sum, { rgba }) => sum + rgba.length, 0);
