/** A sheet of units by seeds as one picture, with its labels: what is seen, to take away. */
import type { Picture } from "../../api/engine";

export interface SheetImage {
  title: string;
  /** Above each column. */
  columns: readonly string[];
  rows: readonly { label: string; pictures: readonly (Picture | null)[] }[];
  /** Below: what it was made with. */
  caption: string;
}

const GAP = 6;
const LINE = 22;
const FONT = "13px system-ui, sans-serif";

/** A PNG on white paper. Throws Error where the browser cannot make one of that size. */
export async function sheetImage({ title, columns, rows, caption }: SheetImage): Promise<Blob> {
  const first = rows.flatMap(({ pictures }) => pictures).find((picture) => picture !== null);
  if (!first) throw new Error("No picture is finished yet.");
  const measure = new OffscreenCanvas(1, 1).getContext("2d")!;
  measure.font = FONT;
  const widest = (texts: readonly string[]): number =>
    Math.ceil(Math.max(...texts.map((text) => measure.measureText(text).width)));
  const [cellW, cellH] = [Math.max(first.width, widest(columns) + GAP), first.height];
  const labelled = widest(rows.map(({ label }) => label)) + 2 * GAP;
  const width = Math.max(labelled + columns.length * (cellW + GAP), widest([title, caption]) + 2 * GAP);
  const height = 2 * LINE + GAP + rows.length * (cellH + GAP) + LINE;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  if (!context) throw new Error(`The browser makes no picture of ${width} by ${height} pixels: ask for fewer units.`);
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.fillStyle = "#1b1b1a";
  context.font = FONT;
  context.textBaseline = "middle";
  context.fillText(title, GAP, LINE / 2);
  columns.forEach((column, i) => context.fillText(column, labelled + i * (cellW + GAP), LINE * 1.5));
  rows.forEach(({ label, pictures }, r) => {
    const top = 2 * LINE + GAP + r * (cellH + GAP);
    context.fillText(label, GAP, top + cellH / 2);
    pictures.forEach((picture, i) => {
      if (!picture) return;
      const one = new OffscreenCanvas(picture.width, picture.height);
      one.getContext("2d")?.putImageData(new ImageData(picture.rgba, picture.width, picture.height), 0, 0);
      context.drawImage(one, labelled + i * (cellW + GAP), top); // over the paper where it is transparent
    });
  });
  context.fillText(caption, GAP, height - LINE / 2);
  return canvas.convertToBlob({ type: "image/png" });
}
