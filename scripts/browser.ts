/** A browser for the journeys: one that is there, else Debian's as root, else Playwright's own. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chromium } from "playwright";
import { chromiumPath } from "../e2e/chromium";

const there = (): boolean => "executablePath" in chromiumPath() || existsSync(chromium.executablePath());

function tried(command: string, ...args: string[]): boolean {
  console.log(`$ ${command} ${args.join(" ")}`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  return spawnSync(command, args, { stdio: ["ignore", "inherit", "inherit"], env }).status === 0;
}

/** Installs a browser where none is; says what was tried. False when there is none in the end. */
export function ensureBrowser(): boolean {
  if (there()) return true;
  const root = process.getuid?.() === 0;
  if (root && existsSync("/usr/bin/apt-get")) {
    const installed =
      tried("apt-get", "update", "-qq") && tried("apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium");
    if (installed && there()) return true;
  }
  const withLibraries = root && tried("npx", "playwright", "install", "--with-deps", "chromium");
  if (!withLibraries) tried("npx", "playwright", "install", "chromium");
  return there();
}
