/**
 * Journeys in a real browser, against the production build (`npm run build` first) and, for the pages under e2e/pages/,
 * against the development server, which compiles them as they are asked for.
 */
import { execFileSync } from "node:child_process";
import { defineConfig } from "playwright/test";
import { chromiumPath } from "./e2e/chromium";

/** Workers read this file again: ports and URLs are chosen once, and handed down by the environment. */
const port = (name: string): string => (process.env[name] ??= freePort());

function freePort(): string {
  const ask = `const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })`;
  return execFileSync(process.execPath, ["-e", ask], { encoding: "utf8" }).trim();
}

const app = port("E2E_APP_PORT");
const pages = port("E2E_PAGES_PORT");

export default defineConfig({
  testDir: "e2e",
  outputDir: "test-results",
  forbidOnly: Boolean(process.env.CI),
  workers: 2, // much of a journey is waiting: two side by side take two thirds of the time
  timeout: 120_000,
  expect: { timeout: 30_000 },
  reporter: [["list"], ["json", { outputFile: process.env.E2E_REPORT ?? "test-results/e2e.json" }]],
  use: {
    baseURL: `http://127.0.0.1:${app}/`,
    viewport: { width: 1280, height: 800 },
    serviceWorkers: "block", // a page that one serves asks nothing that page.route could answer; e2e/offline.spec.ts allows them
    screenshot: "only-on-failure",
    launchOptions: {
      ...chromiumPath(),
      args: [
        "--no-sandbox",
        "--enable-unsafe-webgpu",
        "--use-webgpu-adapter=swiftshader",
        "--enable-features=Vulkan",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
  webServer: [
    { command: `npx vite preview --host 127.0.0.1 --strictPort --port ${app}`, url: `http://127.0.0.1:${app}/`, timeout: 60_000 },
    { command: `npx vite --host 127.0.0.1 --strictPort --port ${pages}`, url: `http://127.0.0.1:${pages}/`, timeout: 60_000 },
  ],
});
