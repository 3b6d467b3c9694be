/**
 * Lint: TypeScript and Svelte, and the one direction of imports,
 *
 *   ui, embed -> client -> offline, engine, store -> models, export, examples -> provenance -> api -> vis, attribution, tuning, circuits -> autodiff -> importers, quantize -> onnx
 *
 * Each room may import what stands to the right of it. The page reaches the engine and the store through src/client only.
 */
import js from "@eslint/js";
import svelte from "eslint-plugin-svelte";
import globals from "globals";
import ts from "typescript-eslint";

const rooms = [
  "ui",
  "embed",
  "client",
  "offline",
  "engine",
  "store",
  "models",
  "export",
  "examples",
  "provenance",
  "api",
  "vis",
  "attribution",
  "tuning",
  "circuits",
  "autodiff",
  "importers",
  "quantize",
  "onnx",
];

/** What each room may import besides itself. */
const allowed = {
  ui: [
    "client",
    "export",
    "examples",
    "provenance",
    "api",
    "vis",
    "attribution",
    "tuning",
    "circuits",
    "importers",
    "quantize",
    "onnx",
  ],
  embed: ["ui", "client", "api", "vis"],
  client: ["offline", "engine", "store", "api", "vis", "onnx"],
  offline: [],
  engine: ["store", "models", "api", "vis", "attribution", "tuning", "circuits", "autodiff", "importers", "quantize", "onnx"],
  store: ["models", "api", "importers", "quantize", "onnx"],
  models: ["api", "vis", "autodiff", "importers", "quantize", "onnx"],
  export: ["provenance", "api"],
  examples: ["api", "vis", "onnx"],
  provenance: ["api", "vis"],
  api: ["vis", "attribution", "tuning", "circuits", "importers", "quantize", "onnx"],
  vis: ["autodiff", "onnx"],
  attribution: ["vis", "autodiff", "onnx"],
  tuning: ["vis", "onnx"],
  circuits: ["autodiff", "onnx"],
  autodiff: ["onnx"],
  importers: ["onnx"],
  quantize: ["onnx"],
  onnx: [],
};

/** The library half: no DOM, no runtime, no framework. */
const library = ["vis", "attribution", "tuning", "circuits", "autodiff", "importers", "quantize", "onnx"];

const direction = rooms.map((room) => {
  const forbidden = rooms.filter((other) => other !== room && !allowed[room].includes(other));
  return {
    files: [`src/${room}/**/*.{ts,svelte}`],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            {
              regex: `^(\\.\\./)+(${forbidden.join("|")})(/|$)`,
              message: `src/${room} may import ${allowed[room].map((r) => `src/${r}`).join(", ") || "nothing outside itself"} (eslint.config.js says why).`,
            },
            {
              regex: "^(\\.\\./)+(workers|cli|bench|e2e|scripts)/(?!.+\\?worker&url$)", // a worker's address is no import of it
              message: "src/ imports nothing that is built on top of it.",
            },
            ...(library.includes(room)
              ? [
                  {
                    regex: "^(onnxruntime-|svelte|comlink|idb-keyval)",
                    message: "This room is a library: no runtime, no DOM, no framework.",
                  },
                ]
              : []),
          ],
        },
      ],
    },
  };
});

/** Tests may stand on the helpers in test/, and compare rooms that do not know each other. */
const tests = { files: ["**/*.test.ts"], rules: { "no-restricted-imports": "off" } };

export default ts.config(
  {
    ignores: [
      "dist/",
      "public/",
      "src/onnx/proto/onnx_pb.ts",
      "src/importers/tflite/schema/tflite_generated.ts",
      "src/importers/caffe/proto/caffe_pb.ts",
      "test-results/",
      "playwright-report/",
      ".cache/",
    ],
  },
  js.configs.recommended,
  ...ts.configs.strict,
  ...svelte.configs.recommended,
  {
    languageOptions: { globals: { ...globals.browser, ...globals.node }, parserOptions: { extraFileExtensions: [".svelte"] } },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "no-undef": "off", // TypeScript does this
      "@typescript-eslint/no-non-null-assertion": "off", // numeric loops index arrays whose length they know
      "@typescript-eslint/consistent-type-imports": [
        "error",
        { prefer: "type-imports", fixStyle: "inline-type-imports", disallowTypeAnnotations: false },
      ],
      eqeqeq: "error",
      "no-console": ["error", { allow: ["warn", "error"] }],
    },
  },
  {
    files: ["**/*.ts"],
    languageOptions: { parserOptions: { projectService: true } },
    rules: { "@typescript-eslint/no-floating-promises": "error" },
  },
  { files: ["**/*.svelte", "**/*.svelte.ts"], languageOptions: { parserOptions: { parser: ts.parser } } },
  { files: ["cli/**", "bench/**", "scripts/**", "test/**", "e2e/**"], rules: { "no-console": "off" } },
  ...direction,
  tests,
);
