/** A map as a PNG that says what it is of, in its own text: anybody can read how it was made, and make it again. */
import type { Picture } from "../../../api/engine";
import { withText } from "../../../provenance/pngText";
import { APP_VERSION } from "../../../provenance/record";
import { encodePng } from "../../parts/paint";
import type { Explaining } from "./explaining.svelte";
import type { MapRun } from "./mapRun.svelte";

/** The PNG's keyword. */
export const MAP_KEYWORD = "micrographia-attribution";

/** The drawn map, as it is on the page, as a file. */
export async function mapPng(
  drawn: Picture,
  explaining: Explaining,
  { method, result }: MapRun,
): Promise<Uint8Array<ArrayBuffer>> {
  const { studio, asked, occluder, source } = explaining;
  const { card, stored } = studio.model!;
  const record = {
    version: 1,
    by: `Micrographia ${APP_VERSION}`,
    model: card.id,
    weights: stored.sha256,
    picture: source ? "camera" : asked.picture,
    ...(occluder ? { occluder } : {}),
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
