/** The keys that mean something everywhere on the page, where they have no other meaning. */
export type PageKey = "search" | "previous" | "next";

const FIELDS = "input, select, textarea, dialog";

/** What a key asks of the page; null for most. */
export function pageKey({ key, target, ctrlKey, metaKey, altKey, shiftKey }: KeyboardEvent): PageKey | null {
  const within = (selector: string): boolean => target instanceof Element && target.closest(selector) !== null;
  if (key === "k" && (ctrlKey || metaKey)) return "search";
  if (ctrlKey || metaKey || altKey) return null;
  if (key === "/" && !within(FIELDS)) return "search";
  if (shiftKey || within(`${FIELDS}, ol, [role=grid], [role=tablist], [role=slider]`)) return null;
  return key === "ArrowRight" ? "next" : key === "ArrowLeft" ? "previous" : null;
}
