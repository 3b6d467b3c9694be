/** Which browser the journeys drive: the system's Chromium or Chrome where there is one, else the one Playwright installed. */
import { existsSync } from "node:fs";

const candidates = [
  process.env.CHROMIUM_PATH,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/usr/bin/google-chrome-stable",
  "/opt/google/chrome/chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

/** Launch options for Playwright: an executable, or its own Chromium by the "chromium" channel (new headless mode, with WebGPU). */
export function chromiumPath(): { executablePath: string } | { channel: string } {
  const found = candidates.find((path) => path && existsSync(path));
  return found ? { executablePath: found } : { channel: "chromium" };
}
