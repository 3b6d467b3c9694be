import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { complaints, measure, table, type SizeReport } from "./sizes";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sizes-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function put(files: Record<string, string>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
}

const BUILD = {
  "index.html": `<script src="./assets/index-AAAAAAAA.js"></script><link href="./assets/index-BBBBBBBB.css"><link href="./icons/i.svg">`,
  "assets/index-AAAAAAAA.js": `import{a}from"./shared-CCCCCCCC.js";import("./film-DDDDDDDD.js");a()`,
  "assets/index-BBBBBBBB.css": "a{}",
  "assets/shared-CCCCCCCC.js": "export const a=1",
  "assets/film-DDDDDDDD.js": "export const film=1",
  "assets/engine.worker-EEEEEEEE.js": `import"./boot-FFFFFFFF.js";import("./ort.wasm.min-GGGGGGGG.js")`,
  "assets/boot-FFFFFFFF.js": "1",
  "assets/ort.wasm.min-GGGGGGGG.js": "2",
  "assets/ort-wasm-simd-threaded-HHHHHHHH.wasm": "3",
  "sw.js": "4",
  "models/catalog.json": "{}",
  "icons/i.svg": "<svg/>",
};

test("the shell is what the page names, the workers, and their static imports", () => {
  put(BUILD);
  const { files, shell } = measure(folder);
  const of = (group: string) => files.filter((file) => file.group === group).map(({ name }) => name);
  expect(of("shell").toSorted()).toEqual([
    "assets/boot.js",
    "assets/engine.worker.js",
    "assets/index.css",
    "assets/index.js",
    "assets/shared.js",
    "index.html",
  ]);
  expect(of("later")).toEqual(["assets/film.js"]);
  expect(of("ONNX Runtime").toSorted()).toEqual(["assets/ort-wasm-simd-threaded.wasm", "assets/ort.wasm.min.js"]);
  expect(of("service worker")).toEqual(["sw.js"]);
  expect(of("models")).toEqual(["models/catalog.json"]);
  expect(shell).toBe(files.filter(({ group }) => group === "shell").reduce((total, { gzip }) => total + gzip, 0));
});

test("a folder that is no build is refused", () => {
  expect(() => measure(folder)).toThrow(/npm run build/);
  put({ "index.html": "<p>" });
  expect(() => measure(folder)).toThrow(/names 0 files .* has 0 workers/);
});

const report = (shell: number): SizeReport => ({
  shell,
  files: [{ name: "assets/index.js", group: "shell", bytes: 3 * shell, gzip: shell }],
});

test("growth over 5 % and a shell over 250 KB are told, with the file and the cure", () => {
  expect(complaints(report(209_000), report(200_000))).toEqual([]);
  expect(complaints(report(100_000), report(200_000))).toEqual([]);
  const [grown, ...none] = complaints(report(211_000), report(200_000));
  expect(grown).toMatch(
    /from 200\.0 KB to 211\.0 KB gzip, 5\.5 %\. Grown: assets\/index\.js by 11\.0 KB.*import\(\).*npm run size/,
  );
  expect(none).toEqual([]);
  expect(complaints(report(250_001), report(250_000))).toHaveLength(1);
  expect(complaints(report(300_000), report(200_000))).toHaveLength(2);
});

test("the table shows each file and how it changed", () => {
  expect(table(report(2000), report(1500))).toMatch(/ {2}assets\/index\.js +6\.0 KB +2\.0 KB +\+0\.5 KB/);
});
