/**
 * Builds sw.js beside the finished build: the service worker with the list of what that build holds. A change of any file changes
 * sw.js, which is how browsers notice a new version. It is a classic script, as not every browser starts modules as service workers.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import { build, type Plugin } from "vite";
import type { Catalog } from "../../src/api/model";
import { offlinePlan, type BuiltFile } from "../../src/offline/precache.ts";

const root = resolve(import.meta.dirname, "../..");

/** Every file under `folder`. */
export function builtFiles(folder: string): BuiltFile[] {
  const found = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return found.map(({ parentPath, name }) => {
    const path = join(parentPath, name);
    const digest = createHash("sha256").update(readFileSync(path)).digest("hex").slice(0, 16);
    return { path: relative(folder, path).split(sep).join("/"), digest };
  });
}

export function serviceWorker(): Plugin {
  let folder = "dist";
  let failed = false;
  return {
    name: "service-worker",
    apply: "build",
    configResolved: (config) => void (folder = resolve(config.root, config.build.outDir)),
    buildEnd: (error) => void (failed = Boolean(error)),
    closeBundle: {
      order: "post",
      sequential: true,
      async handler() {
        if (failed) return;
        const { default: embedded } = JSON.parse(readFileSync(join(folder, "models/catalog.json"), "utf8")) as Catalog;
        const plan = offlinePlan(builtFiles(folder), embedded);
        await build({
          configFile: false,
          root,
          publicDir: false,
          logLevel: "warn",
          define: { __OFFLINE_PLAN__: JSON.stringify(plan), "process.env.NODE_ENV": '"production"' },
          build: {
            outDir: folder,
            emptyOutDir: false,
            target: "es2022",
            reportCompressedSize: false,
            lib: {
              entry: join(root, "workers/service.worker.ts"),
              formats: ["iife"],
              name: "micrographia",
              fileName: () => "sw.js",
            },
          },
        });
      },
    },
  };
}
