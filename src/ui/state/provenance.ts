/** How a picture of this visit was made, as it goes into its PNG; and the way back from a PNG to the choices that made it. */
import type { ModelCard } from "../../api/model";
import { isOwn } from "../../api/own";
import { layoutOf } from "../../export/sheet";
import { isGif } from "../../provenance/gifText";
import { isPng } from "../../provenance/pngText";
import { APP_VERSION, parseRecord, picturesNeeded, recordIn } from "../../provenance/record";
import { recipeOf } from "../../vis/recipes";
import type { Film, PictureRecord, Shown } from "../../vis/schema/record";
import { unitOf } from "./goal/read";
import type { Library } from "./library.svelte";
import { messageOf } from "./machine";
import type { RenderJob } from "./renderJob.svelte";
import { DEFAULTS, recipeChoice, type Settings } from "./settings";
import type { Studio } from "./studio.svelte";

/** Something to tell the reader. */
export interface Notice {
  title: string;
  message: string;
}

/** How `job`'s frame came about, all of its pictures on one sheet, or all of its kept frames; null before there is one. */
export function recordOf(job: RenderJob, film?: Omit<Film, "kind" | "of">): PictureRecord | null {
  const [first] = job.frames;
  if (!first || !job.device) return null;
  const { card, weights, objective, recipe } = job.order.request;
  const names = picturesNeeded({ objective, recipe }).filter((name) => NAMED_BY_DIGEST.test(name));
  const count = job.frames.length;
  const still: Shown = count === 1 ? { kind: "picture", index: 0 } : { kind: "sheet", ...layoutOf(count, first) };
  const [score, step] = film ? [job.score, job.step] : [job.shownScore, job.shownStep];
  return {
    format: "micrographia",
    version: 1,
    model: { id: card.id, title: card.title, weights, preprocessing: { ...card.preprocessing } },
    objective,
    recipe,
    pictures: names.map((name) => ({ name, sha256: name.replace(NAMED_BY_DIGEST, "$1") })),
    backend: job.device.backend,
    shows: film ? { kind: "film", of: still, ...film } : still,
    made: {
      objective: score !== null && Number.isFinite(score) ? score : null,
      steps: step,
      turns: job.turns.length,
      device: job.device.label,
      app: APP_VERSION,
    },
  };
}
const NAMED_BY_DIGEST = /^sha256:([0-9a-f]{64})$/;

const MEDIA = /\.(png|jpe?g|gif|webp|avif|webm)$/i;

/** Whether a file is a picture or a film rather than a model, by what it says of itself. */
export const isMedia = ({ type, name }: File): boolean => /^(image|video)\//.test(type) || (type === "" && MEDIA.test(name));
const isVideo = ({ type, name }: File): boolean => type.startsWith("video/") || (type === "" && /\.webm$/i.test(name));

/** The record in a file that the reader gives; null where it does not say how it was made. Throws what recordIn throws. */
export async function readRecord(file: File): Promise<PictureRecord | null> {
  const head = new Uint8Array(await file.slice(0, 8).arrayBuffer());
  if (isPng(head) || isGif(head)) return recordIn(new Uint8Array(await file.arrayBuffer()));
  if (!isVideo(file)) return null;
  const comment = await (await import("../../export/video")).commentOf(file);
  return comment === null ? null : parseRecord(comment);
}

/** The choices that make a picture again with the model of `card`. */
export function settingsOf({ objective, recipe }: PictureRecord, card: Pick<ModelCard, "id" | "recipe">): Settings {
  const choice = recipeChoice(recipe);
  const name = choice.recipe.name === recipeOf(card).name ? "" : choice.recipe.name;
  const plain = objective.kind === "channel" || objective.kind === "neuron";
  return {
    ...DEFAULTS,
    ...choice,
    ...unitOf(objective),
    model: card.id,
    recipe: { ...choice.recipe, name },
    objective: plain ? null : objective,
  };
}

/**
 * Opens what made the picture in `file`, as far as this machine has it; a picture that says nothing of the kind is drawn from (Studio.give).
 * Returns what there is to tell the reader: null where the picture comes out as it was. Never rejects.
 */
export async function openPicture(file: File, { studio, library }: { studio: Studio; library: Library }): Promise<Notice | null> {
  let record: PictureRecord | null;
  try {
    record = await readRecord(file);
  } catch (error) {
    return { title: `${file.name} cannot be made again`, message: sentence(messageOf(error)) };
  }
  if (!record) return drawFrom(file, studio);
  const { model } = record;
  const sameWeights = library.stored.find(({ sha256 }) => sha256 === model.weights)?.card;
  const card = library.card(model.id) ?? sameWeights;
  if (!card) return { title: `The model of ${file.name} is not here`, message: strangerText(model) };

  const weights = library.storedAll(card).find(({ sha256 }) => sha256 === model.weights)?.weights ?? null;
  const settings = { ...settingsOf(record, card), weights };
  if (studio.model?.card.id === card.id && (weights === null || weights === studio.model.stored.weights)) studio.follow(settings);
  else await studio.open(card.id, settings);
  if (studio.model?.card.id !== card.id) return null; // why not is said where models are opened
  const remarks = differences(record, studio.model.stored.sha256, studio.deviceInfo?.backend);
  return remarks.length ? { title: `${file.name} may come out differently`, message: remarks.map(sentence).join(" ") } : null;
}

async function drawFrom(file: File, studio: Studio): Promise<Notice | null> {
  if (isVideo(file))
    return { title: `${file.name} does not say how it was made`, message: "Only videos that were saved here can be opened." };
  try {
    await studio.give(file);
    return null;
  } catch (error) {
    return { title: `${file.name} could not be taken`, message: sentence(messageOf(error)) };
  }
}

const strangerText = ({ id, title }: PictureRecord["model"]): string =>
  `It was made with ${title}, ${isOwn(id) ? "a model that somebody brought from their own files" : `which this page knows nothing of under the name "${id}"`}. ` +
  "If you have the model’s files, drop them on this page first, then the picture again.";

function differences({ model, made, recipe, backend }: PictureRecord, weights: string, here?: "webgpu" | "wasm"): string[] {
  const out: string[] = [];
  if (model.weights !== weights)
    out.push(
      `it was made with other weights of ${model.title} (SHA-256 ${model.weights.slice(0, 8)}…, here ${weights.slice(0, 8)}…): of another precision, or another training`,
    );
  if (made.steps < recipe.steps)
    out.push(`it was stopped at step ${made.steps} of ${recipe.steps}, and this one goes to the end`);
  if (made.turns > 0) out.push("its objective was changed while it grew, and this one has the last from the first step on");
  if (here && here !== backend)
    out.push(`it was made on ${made.device}, and another device rounds differently: alike, but not bit for bit`);
  return out;
}

const sentence = (text: string): string => `${text[0]!.toUpperCase()}${text.slice(1).replace(/\.?$/, ".")}`;
