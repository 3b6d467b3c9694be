import { expect, test } from "vitest";
import { offlinePlan } from "./precache";

const files = [
  "index.html",
  "sw.js",
  "assets/index-B73B84E_.js",
  "assets/ort-wasm-simd-threaded-DcHrbrbl.wasm",
  "assets/ort-wasm-simd-threaded-qyIweqWS.mjs",
  "icons/icon-192.png",
  "icons/maskable-512.png",
  "icons/apple-touch-icon.png",
  "manifest.webmanifest",
  "models/catalog.json",
  "models/hosted.json",
  "models/small.onnx",
  "models/googlenet.onnx",
  "models/stats/small.json",
  "models/stats/googlenet.json",
  "models/labels/coco.txt",
  "models/labels/SOURCES.txt",
  "recipe.schema.json",
].map((path, i) => ({ path, digest: `digest${i}` }));

const plan = offlinePlan(files, "small");
const stored = plan.precache.map(({ url }) => url);

test("what one needs offline is stored: the page, its parts, the lists and the model that comes with the app", () => {
  expect(stored).toEqual([
    "assets/index-B73B84E_.js",
    "assets/ort-wasm-simd-threaded-qyIweqWS.mjs",
    "icons/icon-192.png",
    "index.html",
    "manifest.webmanifest",
    "models/catalog.json",
    "models/hosted.json",
    "models/labels/coco.txt",
    "models/small.onnx",
    "models/stats/small.json",
  ]);
});

test("the runtime's binaries wait for their first use", () => {
  expect(plan.runtime).toEqual(["assets/ort-wasm-simd-threaded-DcHrbrbl.wasm"]);
});

test("a revision tells versions apart where the name does not", () => {
  const revision = (path: string) => plan.precache.find(({ url }) => url === path)?.revision;
  expect(revision("assets/index-B73B84E_.js")).toBeNull();
  expect(revision("index.html")).toBe("digest0");
  expect(revision("icons/icon-192.png")).toBe("digest5");
});
