/**
 * How the page is built and served, in development, in production and in the end-to-end tests.
 *
 * - `base: "./"`: the build works from any folder of any static host.
 * - Cross-origin isolation (COOP + COEP) gives WASM its threads; `credentialless` still lets a model come from another origin
 *   by CORS. A host that cannot send headers loses the threads and nothing else.
 * - ONNX Runtime's loaders and binaries are never bundled: the condition `onnxruntime-web-use-extern-wasm` picks the builds
 *   without them, and src/engine names the ones it wants by `?url` import, so that only those are emitted.
 */
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defaultClientConditions, defineConfig } from "vite";
import { contentSecurityPolicy } from "./scripts/vite/csp.ts";
import { licences } from "./scripts/vite/licences.ts";
import { notFoundPage } from "./scripts/vite/notFound.ts";
import { serviceWorker } from "./scripts/vite/pwa.ts";

const isolation = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "credentialless",
};

/** What only workers import: found too late, it would make the development server reload the page under a reader's hands. */
const ofWorkers = [
  "@bufbuild/protobuf",
  "@bufbuild/protobuf/codegenv2",
  "@bufbuild/protobuf/txtpb",
  "@bufbuild/protobuf/wire",
  "@bufbuild/protobuf/wkt",
  "@noble/hashes/sha2.js",
  "@noble/hashes/utils.js",
  "comlink",
  "flatbuffers",
  "idb-keyval",
];

export default defineConfig({
  base: "./",
  plugins: [svelte(), contentSecurityPolicy(), licences(), notFoundPage(), serviceWorker()],
  resolve: { conditions: ["onnxruntime-web-use-extern-wasm", ...defaultClientConditions] },
  server: { headers: isolation },
  preview: { headers: isolation },
  worker: { format: "es" },
  optimizeDeps: { include: ofWorkers, exclude: ["onnxruntime-web"] },
  build: { target: "esnext", assetsInlineLimit: 0, chunkSizeWarningLimit: 1500, reportCompressedSize: false },
});
