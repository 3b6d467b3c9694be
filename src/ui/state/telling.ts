/** What is going on, in words: on the picture while there is none, and for screen readers, turns of events rather than every step. */
import type { RenderJob } from "./renderJob.svelte";
import type { Studio } from "./studio.svelte";

/** What the page waits for before the first picture. */
export function waitingText({ wanted, model }: Pick<Studio, "wanted" | "model">): string {
  if (wanted?.status === "fetching") return `Getting ${wanted.card.title}`;
  if (wanted?.status === "opening") return `Opening ${wanted.card.title}`;
  if (wanted?.status === "paused") return "Paused";
  return model ? "One moment" : "Reading the list of models";
}

/** How a picture stands. */
export function jobText({ status, turns, title, steps, step }: RenderJob): string {
  const turned = turns.at(-1);
  if (status === "running") return `${turned ? `Climbing on from step ${turned.step}` : "Drawing"}: ${title}`;
  if (status === "done") return `Finished: ${title}, ${steps} steps`;
  return status === "stopped" ? `Stopped at step ${step}` : "";
}
