/** What is not there is answered as most static hosts do: by 404.html, which leads Microscope's addresses to the app. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Connect, Plugin } from "vite";

export function notFoundPage(): Plugin {
  const answering =
    (folder: string): Connect.NextHandleFunction =>
    ({ headers }, response, next) => {
      if (!headers.accept?.includes("text/html")) return next();
      response.writeHead(404, { "Content-Type": "text/html; charset=utf-8" }).end(readFileSync(join(folder, "404.html")));
    };
  return {
    name: "not-found-page",
    config: () => ({ appType: "mpa" }),
    configureServer: ({ config, middlewares }) =>
      void middlewares.use("/models", (request, response, next) =>
        /^\/[^.]*$/.test(request.url?.split("?")[0] ?? "") ? answering(config.publicDir)(request, response, next) : next(),
      ),
    configurePreviewServer:
      ({ config, middlewares }) =>
      () =>
        void middlewares.use(answering(join(config.root, config.build.outDir))),
  };
}
