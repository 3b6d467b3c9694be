/** How a picture was made: written into what the commands draw, and read to draw it again. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { decode } from "fast-png";
import type { DeviceInfo, Picture } from "../src/api/engine";
import type { Rendered } from "../src/engine/render";
import { pictureToPng } from "../src/provenance/picturePng";
import { APP_VERSION, picturesNeeded, recordIn } from "../src/provenance/record";
import type { PictureRecord } from "../src/vis/schema/record";
import type { OpenedModel } from "./model";
import { contactSheet } from "./png";
import { UsageError } from "./usage";

/** Files by the names that the objective and the recipe have for them. */
export type PictureFiles = Readonly<Record<string, string>>;

const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** The record in a PNG. Throws UsageError where there is none that can be followed. */
export function readRecord(file: string): PictureRecord {
  let record: PictureRecord | null;
  try {
    record = recordIn(readFileSync(file));
  } catch (error) {
    throw new UsageError(`--from-picture ${file}: ${(error as Error).message}`);
  }
  if (!record)
    throw new UsageError(`--from-picture ${file}: it does not say how it was made. Only PNGs that this program has saved do.`);
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

/** What is written: one of the pictures, or all of them, and how it was made. */
export function shownOf(
  rendered: Rendered,
  made: Pick<PictureRecord, "objective" | "recipe" | "shows"> & {
    opened: OpenedModel;
    model: string;
    files: PictureFiles;
    device: DeviceInfo;
  },
): { picture: Picture; record: PictureRecord } {
  const { objective, recipe, shows, opened, model, files, device } = made;
  const reached = shows.kind === "picture" ? rendered.each[shows.index]! : rendered.score;
  const record: PictureRecord = {
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
  const picture =
    shows.kind === "picture" ? rendered.pictures[shows.index]! : contactSheet(rendered.pictures, shows.columns, shows.gap);
  return { picture, record };
}

/** Whether a PNG shows the same, bit for bit. */
export function isSame(file: string, picture: Picture): boolean {
  const [before, now] = [decode(readFileSync(file)), decode(pictureToPng(picture, null))];
  return before.width === now.width && before.channels === now.channels && Buffer.from(before.data).equals(Buffer.from(now.data));
}
