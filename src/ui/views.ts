/**
 * The page's views, in the order in which they are offered: what `view=` in the address means. All but the first are brought when they are
 * first opened, so that they add nothing to the wait for the first picture.
 */
import type { Component } from "svelte";
import type { Library } from "./state/library.svelte";
import type { Machine } from "./state/machine";
import type { Navigation } from "./state/navigation.svelte";
import type { Studio } from "./state/studio.svelte";

/** What every view is given. Model, layer, unit, recipe and seed are `studio.settings`; what it needs besides, `navigation.details` holds. */
export interface ViewProps {
  studio: Studio;
  library: Library;
  machine: Machine;
  navigation: Navigation;
}

/** What a view is about: one entry of the page's menu; views of one subject are tabs. */
export type Subject = "model" | "layer" | "unit" | "photo" | "notes" | "help";

export interface View {
  /** In the address. */
  id: string;
  title: string;
  subject: Subject;
  /** Null for the one that is there from the beginning. */
  load: (() => Promise<{ default: Component<ViewProps> }>) | null;
}

/** The picture of a unit: the view of an address that names none. */
export const DRAW = "draw";

export const SUBJECTS: readonly { subject: Subject; title: string }[] = [
  { subject: "model", title: "Model" },
  { subject: "layer", title: "Layer" },
  { subject: "unit", title: "Unit" },
  { subject: "photo", title: "Photo" },
  { subject: "notes", title: "Notes" },
  { subject: "help", title: "Help" },
];

export const VIEWS: readonly View[] = [
  { id: DRAW, title: "Feature visualisation", subject: "unit", load: null },
  {
    id: "attribution",
    title: "What speaks for it",
    subject: "photo",
    load: () => import("./views/attribution/AttributionView.svelte"),
  },
  { id: "inside", title: "Inside the network", subject: "photo", load: () => import("./views/inside/InsideView.svelte") },
  { id: "notes", title: "Notes", subject: "notes", load: () => import("./views/notes/NotesView.svelte") },
];

export const viewOf = (id: string): View => VIEWS.find((view) => view.id === id) ?? VIEWS.find((view) => view.id === DRAW)!;
