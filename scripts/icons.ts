/**
 * `npm run icons`: the app's icons out of public/icons/mark.svg, drawn by the browser that the journeys use.
 *
 * `any` icons keep the mark's own rounded ground on nothing; maskable ones and Apple's fill the square, since the system cuts its own
 * shape: the mark's circle (radius 172 of 512) lies within the safe zone (radius 205).
 */
import { readFileSync, writeFileSync } from "node:fs";
import { chromium } from "playwright";
import { chromiumPath } from "../e2e/chromium";

const folder = "public/icons";
const ICONS = [
  { name: "icon-192.png", size: 192, full: false },
  { name: "icon-512.png", size: 512, full: false },
  { name: "maskable-512.png", size: 512, full: true },
  { name: "apple-touch-icon.png", size: 180, full: true },
];

const mark = readFileSync(`${folder}/mark.svg`, "utf8");
if (!/ rx="\d+"/.test(mark))
  throw new Error(`${folder}/mark.svg has no rounded ground (rx="...") to square for the maskable icons.`);

const browser = await chromium.launch({ ...chromiumPath(), args: ["--no-sandbox"] });
for (const { name, size, full } of ICONS) {
  const page = await browser.newPage({ viewport: { width: size, height: size } });
  const svg = full ? mark.replace(/ rx="\d+"/, "") : mark;
  await page.setContent(`<style>body{margin:0}svg{display:block;width:${size}px;height:${size}px}</style>${svg}`);
  writeFileSync(`${folder}/${name}`, await page.screenshot({ omitBackground: true }));
  await page.close();
  console.log(`${folder}/${name}: ${size} x ${size}${full ? ", to its edges" : ""}`);
}
await browser.close();
