/** A reader's notes and stars on units, and the file that carries them elsewhere. */
import * as v from "valibot";
import { fields, firstFault, list, text, whole } from "../../../vis/schema/fields";

const DIGEST = "64 hexadecimal digits";
/** What can be kept: more is a mistake, or somebody's joke. */
export const LIMITS = { text: 10_000, notes: 100_000, fileBytes: 64e6 } as const;

const name = text(1, 1000, "a name");
const noteSchema = fields({
  /** The card's id. */
  model: name,
  /** The graph's own name. */
  layer: name,
  channel: whole(0, 1_000_000),
  /** SHA-256 of the weights that were looked at: other weights have other units. */
  weights: v.pipe(v.string(DIGEST), v.regex(/^[0-9a-f]{64}$/, DIGEST)),
  /** For people, as they were called then. */
  modelTitle: name,
  layerTitle: name,
  star: v.boolean("true or false"),
  text: text(0, LIMITS.text),
  /** When it was last changed, milliseconds since 1970; an empty note is kept as the trace of what was taken away. */
  at: whole(0, Number.MAX_SAFE_INTEGER),
});
export type Note = v.InferOutput<typeof noteSchema>;

const fileSchema = fields({
  format: v.literal("micrographia-notes", '"micrographia-notes"'),
  version: v.literal(1, "1: a newer version of this page wrote it"),
  notes: list(noteSchema, [0, LIMITS.notes], "notes"),
});

/** A notes file that cannot be read; the message says where and why. */
export class NotesFileError extends Error {
  override readonly name = "NotesFileError";
}

export const keyOf = ({ model, layer, channel }: Pick<Note, "model" | "layer" | "channel">): string =>
  JSON.stringify([model, layer, channel]);

/** Whether there is something to show. */
export const says = (note: Pick<Note, "star" | "text">): boolean => note.star || note.text !== "";

/** The file's text. */
export const writeNotes = (notes: readonly Note[]): string =>
  `${JSON.stringify({ format: "micrographia-notes", version: 1, notes: notes.filter(says) }, null, 1)}\n`;

/** Reads a file's content. Throws NotesFileError. */
export function readNotes(content: string): Note[] {
  let json: unknown;
  try {
    json = JSON.parse(content);
  } catch {
    throw new NotesFileError(
      `It is not JSON: it begins with ${JSON.stringify(content.slice(0, 40))}. Choose a file that this page exported.`,
    );
  }
  const fault = firstFault(fileSchema, json, "notes");
  if (fault) throw new NotesFileError(`${fault} Nothing was taken in.`);
  return (json as v.InferOutput<typeof fileSchema>).notes;
}

/** Of two notes on one unit the later counts; at the same moment the one that is here. */
export function merged(here: readonly Note[], given: readonly Note[]): { notes: Note[]; changed: Note[] } {
  const all = new Map(here.map((note) => [keyOf(note), note]));
  for (const note of given) if ((all.get(keyOf(note))?.at ?? -1) < note.at) all.set(keyOf(note), note);
  return { notes: [...all.values()], changed: given.filter((note) => all.get(keyOf(note)) === note) };
}
