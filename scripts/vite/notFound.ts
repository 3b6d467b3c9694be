/** What is not there is answered as most static hosts do: by 404.html, which leads Microscope's addresses to the app. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Connect, Plugin } from "vite";

/** Pages that `folder` has are left to Vite, and so is all that is no page. */
const answering =
  (folder: string): Connect.NextHandleFunction =>
  ({ headers, url = "/" }, response, next) => {
    if (!headers.accept?.includes("text/html") || existsSync(join(folder, new URL(url, "http://host").pathname))) return next();
    response.writeHead(404, { "Content-Type": "text/html; charset=utf-8" }).end(readFileSync(join(folder, "404.html")));
  };

export function notFoundPage(): Plugin {
  return {
    name: "not-found-page",
    config: () => ({ appType: "mpa" }),
    configurePreviewServer:
      ({ config, middlewares }) =>
      () =>
        void middlewares.use(answering(join(config.root, config.build.outDir))),
  };
}
