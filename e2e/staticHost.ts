/** A plain static host: files of the build under a folder, no headers but the type, no rewrite rules, and versions that change. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".css": "text/css",
  ".json": "application/json",
  ".webmanifest": "application/manifest+json",
  ".wasm": "application/wasm",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".txt": "text/plain; charset=utf-8",
};

export interface StaticHost {
  /** The app's address, ending in `/`. */
  url: string;
  /** Paths that were asked for, from the app's folder, in order. */
  asked: string[];
  /** From now on serves another build: the same but for this <title>. */
  publish(title: string): void;
  close(): Promise<void>;
}

/** Serves dist/ under `folder` ("/", "/some/where/"). */
export async function staticHost(folder: string, build = "dist"): Promise<StaticHost> {
  const asked: string[] = [];
  const page = readFileSync(join(build, "index.html"), "utf8");
  let published = page;
  const digest = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 16);

  /** A build with another page has another digest of it in its service worker. */
  const content = (path: string): string | Buffer => {
    const file = readFileSync(join(build, path));
    if (path === "index.html") return published;
    return path === "sw.js" ? file.toString().replace(digest(page), digest(published)) : file;
  };

  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://host");
    const path = pathname.startsWith(folder) ? decodeURIComponent(pathname.slice(folder.length)) || "index.html" : "";
    if (path) asked.push(path);
    if (!path || path.includes("..") || !existsSync(join(build, path)) || !statSync(join(build, path)).isFile())
      return void response.writeHead(404, { "Content-Type": TYPES[".html"] }).end(content("404.html"));
    const type = TYPES[extname(path)] ?? "application/octet-stream";
    response.writeHead(200, { "Content-Type": type, "Cache-Control": "max-age=600" }).end(content(path));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}${folder}`,
    asked,
    publish: (title) => void (published = page.replace(/<title>.*<\/title>/, `<title>${title}</title>`)),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
