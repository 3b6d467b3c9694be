/** From a note to its unit. */
import { DRAW } from "../../views";
import type { Navigation } from "../navigation.svelte";
import { DEFAULTS } from "../settings";
import type { Note } from "./note";

/** The fragment that opens the unit, whichever model is open now. */
export function noteLink({ model, layer, channel }: Note, navigation: Navigation): string {
  const other = navigation.shown.studio.model?.card.id !== model;
  const { weights, recipe } = DEFAULTS;
  return navigation.href(DRAW, {
    ...(other ? { weights, recipe } : {}),
    model,
    layer,
    channel,
    kind: "channel",
    objective: null,
  });
}
