/** The card of a reader's own model: what the reader said of it, and nothing that nobody knows. */
import type { ImportChoices } from "../api/import";
import type { ModelCard } from "../api/model";

/** A card for a model that the reader imported. `format` is what the file was. */
export function ownCard(id: string, format: string, { title, preprocessing, labels, significant }: ImportChoices): ModelCard {
  return {
    id,
    title,
    architecture: format,
    trainedOn: "",
    year: new Date().getFullYear(),
    licence: "",
    citation: "",
    homepage: "",
    preprocessing,
    labels: null,
    ...(labels?.length ? { classNames: [...labels] } : {}),
    layers: significant.map((name) => ({ name, title: name, significant: true })),
    files: [],
  };
}
