/** Where what was found leads, and how it is called. */
import { DRAW, VIEWS } from "../../views";
import { classOf } from "../goal/begin";
import type { Navigation } from "../navigation.svelte";
import { noteLink } from "../notes/link";
import { DEFAULTS } from "../settings";
import type { Found } from "./find";

export interface Lead {
  title: string;
  /** A few words beside it. */
  about: string;
  /** A fragment, "#" and all. */
  href: string;
}

export function lead(found: Found, navigation: Navigation): Lead {
  const { studio } = navigation.shown;
  const place = (subject: string): string => VIEWS.find((view) => view.subject === subject)?.id ?? DRAW;
  switch (found.kind) {
    case "unit": {
      const { layer, channel } = found;
      const href = navigation.href(DRAW, { layer: layer.name, kind: "channel", channel });
      return { title: `${layer.title}, unit ${channel}`, about: studio.model?.card.title ?? "", href };
    }
    case "layer": {
      const { layer } = found;
      const about = `${layer.channels} units`;
      return { title: layer.title, about, href: navigation.href(place("layer"), { layer: layer.name, channel: 0 }) };
    }
    case "class": {
      const { label, index } = found;
      const objective = { kind: "class" as const, class: classOf(studio.model?.summary.labels ?? [], index) };
      return { title: label, about: `class ${index}`, href: navigation.href(DRAW, { objective }) };
    }
    case "model": {
      const { id, title, trainedOn } = found.card;
      const { weights, layer, kind, channel, objective, recipe } = DEFAULTS;
      const part = { model: id, weights, layer, kind, channel, objective, recipe };
      return { title, about: trainedOn, href: navigation.href(place("model"), part) };
    }
    case "note":
      return {
        title: found.note.text || "Starred",
        about: `${found.note.layerTitle} ${found.note.channel}, ${found.note.modelTitle}`,
        href: noteLink(found.note, navigation),
      };
    case "address":
      return { title: found.address, about: "", href: `#${found.address.slice(found.address.indexOf("/models"))}` };
  }
}
