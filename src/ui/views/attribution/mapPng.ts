/** A map as a PNG that says what it is of, in its own text: anybody can read how it was made, and make it again. */
import type { Picture } from "../../../api/engine";
import { isPng, textIn, withText } from "../../../provenance/pngText";
import { APP_VERSION } from "../../../provenance/record";
import { encodePng } from "../../parts/paint";
import type { Explaining } from "./explaining.svelte";
import { readAsked, writeAsked, type Asked } from "./link";
import type { MapRun } from "./mapRun.svelte";

/** The PNG's keyword. */
export const MAP_KEYWORD = "micrographia-attribution";

/** The drawn map, as it is on the page, as a file. */
export async function mapPng(
  drawn: Picture,
  explaining: Explaining,
  { method, result }: MapRun,
): Promise<Uint8Array<ArrayBuffer>> {
  const { studio, asked, occluder: hidden, source } = explaining;
  const { card, stored } = studio.model!;
  const record = {
    version: 1,
    by: `Micrographia ${APP_VERSION}`,
    model: card.id,
    weights: stored.sha256,
    picture: source ? "camera" : asked.picture,
    ...(hidden ? { hidden } : {}),
    method,
    target: result?.target,
    score: result?.score,
    completenessGap: result?.completenessGap,
    device: result?.device,
    look: asked.look,
  };
  const png = new Uint8Array(await (await encodePng(drawn, null)).arrayBuffer());
  return withText(png, MAP_KEYWORD, JSON.stringify(record));
}

/** What a map's PNG leads back to. */
export interface MapOrigin {
  /** The model's id. */
  model: string;
  /** For `with=`; null where it is the beginning. */
  details: string | null;
  /** What of it cannot be followed. */
  fault: string | null;
}

/** The way back from a file; null where it is no map of ours. Throws PngError where the PNG is damaged, SyntaxError where its text is. */
export function mapOrigin(bytes: Uint8Array): MapOrigin | null {
  const text = isPng(bytes) ? textIn(bytes, MAP_KEYWORD) : null;
  if (text === null) return null;
  const { model, picture, target, hidden, method, look } = JSON.parse(text) as Partial<Asked> & {
    model?: unknown;
    method?: unknown;
  };
  const { asked, fault } = readAsked(JSON.stringify({ picture, target, hidden, methods: [method], look }));
  return { model: String(model), details: writeAsked(asked), fault };
}
