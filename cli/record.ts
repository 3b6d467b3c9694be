/** How a picture was made: written into what the commands draw, and read to draw it again. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { decode as decodePng } from "fast-png";
import { decodeFrames } from "modern-gif";
import type { DeviceInfo, Picture } from "../src/api/engine";
import type { Rendered } from "../src/engine/render";
import { evenly } from "../src/export/film";
import { gifOf } from "../src/export/gif";
import { layoutOf, sheetOf } from "../src/export/sheet";
import { isGif } from "../src/provenance/gifText";
import { pictureToPng } from "../src/provenance/picturePng";
import { APP_VERSION, picturesNeeded, recordIn, withRecord } from "../src/provenance/record";
import type { Recipe } from "../src/vis/recipe";
import type { PictureRecord, Shown } from "../src/vis/schema/record";
import type { OpenedModel } from "./model";
import { UsageError } from "./usage";

/** Files by the names that the objective and the recipe have for them. */
export type PictureFiles = Readonly<Record<string, string>>;

const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** The record in a PNG or a GIF. Throws UsageError where there is none that can be followed. */
export function readRecord(file: string): PictureRecord {
  let record: PictureRecord | null;
  try {
    record = recordIn(readFileSync(file));
  } catch (error) {
    throw new UsageError(`--from-picture ${file}: ${(error as Error).message}`);
  }
  if (!record)
    throw new UsageError(
      `--from-picture ${file}: it does not say how it was made. Only PNGs and GIFs that this program has saved do.`,
    );
  return record;
}

/** Where this machine has not what a picture was made with, in words; throws UsageError where a picture is missing. */
export function differences(record: PictureRecord, { opened, files }: { opened: OpenedModel; files: PictureFiles }): string[] {
  const { model, recipe, made, pictures } = record;
  const out: string[] = [];
  if (opened.weights !== model.weights)
    out.push(`it was made with other weights of ${model.title} (SHA-256 ${model.weights}; here they are ${opened.weights})`);
  for (const { name, sha256 } of pictures) {
    const file = files[name];
    if (file === undefined)
      throw new UsageError(`the picture needs another one called "${name}" (SHA-256 ${sha256}). Give it: --picture ${name}=FILE`);
    const here = digest(readFileSync(file));
    if (here !== sha256) out.push(`"${name}" was another picture (SHA-256 ${sha256}; ${file} is ${here})`);
  }
  if (made.steps < recipe.steps) out.push(`it was stopped at step ${made.steps} of ${recipe.steps}; this one goes to the end`);
  if (made.turns > 0) out.push("its objective was changed while it grew; this one has the last from the first step on");
  if (record.backend !== "wasm") out.push(`it was made on ${made.device}; WASM rounds differently`);
  return out;
}

export interface ShownOptions {
  /** Pictures to a row, and frames of a film, as they were asked for. */
  columns: number | undefined;
  frames: number | undefined;
  recipe: Recipe;
  output: string;
  /** What the file shows that is made again. */
  before: PictureRecord["shows"] | undefined;
}

/** Frames of an animation where nobody says how many. */
const FRAMES = 48;

/** What to write: the only picture, or all of them in as near to a square as it goes, or how they grew; or what the original shows. */
export function whatToShow({ columns, frames, recipe, output, before }: ShownOptions): PictureRecord["shows"] {
  const { batch, steps, size } = recipe;
  const was = before?.kind === "film" ? before.of : before;
  const still: Shown =
    columns !== undefined
      ? { kind: "sheet", columns, gap: 0 }
      : was && (was.kind === "sheet" || was.index < batch)
        ? was
        : batch === 1
          ? { kind: "picture", index: 0 }
          : { kind: "sheet", columns: Math.ceil(Math.sqrt(batch)), gap: 0 };
  if (frames === undefined && before?.kind === "film") return { ...before, of: still };
  if (frames === undefined && !isGifName(output)) return still;
  const all = Array.from({ length: steps }, (_, i) => i + 1);
  const kept = evenly(all, frames ?? FRAMES);
  return { kind: "film", of: still, steps: kept, ...layoutOf(kept.length, { width: size }) };
}

const isGifName = (file: string): boolean => file.toLowerCase().endsWith(".gif");

/** A run's pictures, and those that came in with some of its steps. */
export interface Run extends Rendered {
  frames: ReadonlyMap<number, readonly Picture[]>;
}

type Made = Pick<PictureRecord, "objective" | "recipe" | "shows"> & {
  opened: OpenedModel;
  model: string;
  files: PictureFiles;
  device: DeviceInfo;
};

/** How it was made. */
export function recordOf(run: Run, { objective, recipe, shows, opened, model, files, device }: Made): PictureRecord {
  const reached = shows.kind === "picture" ? run.each[shows.index]! : run.score;
  return {
    format: "micrographia",
    version: 1,
    model: {
      id: opened.card?.id ?? basename(model),
      title: opened.card?.title ?? basename(model),
      weights: opened.weights,
      preprocessing: opened.preprocessing,
    },
    objective,
    recipe,
    pictures: picturesNeeded({ objective, recipe }).map((name) => ({ name, sha256: digest(readFileSync(files[name]!)) })),
    backend: device.backend,
    shows,
    made: {
      objective: Number.isFinite(reached) ? reached : null,
      steps: recipe.steps,
      turns: 0,
      device: device.label,
      app: APP_VERSION,
    },
  };
}

/** The file's bytes: a GIF where its name says so, else a PNG; with the record in it. */
export async function fileOf(run: Run, record: PictureRecord, output: string): Promise<Uint8Array> {
  const { shows } = record;
  if (shows.kind !== "film") return pictureToPng(stillOf(run.pictures, shows), record);
  const frames = shows.steps.map((step) =>
    stillOf(step === record.recipe.steps ? run.pictures : run.frames.get(step)!, shows.of),
  );
  return isGifName(output) ? withRecord(await gifOf(frames), record) : pictureToPng(sheetOf(frames, shows)!, record);
}

const stillOf = (pictures: readonly Picture[], shown: Shown): Picture =>
  shown.kind === "picture" ? pictures[shown.index]! : sheetOf(pictures, shown)!;

/** Whether two files show the same, bit for bit. */
export function isSame(a: Uint8Array, b: Uint8Array): boolean {
  if (isGif(a) !== isGif(b)) return false;
  const [before, now] = [pixelsOf(a), pixelsOf(b)];
  return before.length === now.length && before.every((pixels, i) => Buffer.from(pixels).equals(Buffer.from(now[i]!)));
}

/** Size, channels and numbers of every frame. */
function pixelsOf(file: Uint8Array): ArrayLike<number>[] {
  if (isGif(file))
    return decodeFrames(Uint8Array.from(file).buffer).flatMap(({ width, height, data }) => [[width, height], data]);
  const { width, channels, data } = decodePng(file);
  return [[width, channels], data];
}
