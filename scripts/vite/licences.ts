/** Puts THIRD_PARTY.md into the build as licences.txt, which any host serves as text; the page links to it. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Plugin } from "vite";

export function licences(): Plugin {
  return {
    name: "licences",
    apply: "build",
    generateBundle() {
      const source = readFileSync(resolve(import.meta.dirname, "../../THIRD_PARTY.md"), "utf8");
      this.emitFile({ type: "asset", fileName: "licences.txt", source });
    },
  };
}
