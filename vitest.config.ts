/** Unit tests: everything that runs in Node, WASM included. Journeys in a browser are Playwright's (e2e/). */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    environment: "node",
    include: [
      "src/**/*.test.ts",
      "test/**/*.test.ts",
      "cli/**/*.test.ts",
      "workers/**/*.test.ts",
      "scripts/**/*.test.ts",
      "bench/**/*.test.ts",
    ],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 60_000, // whole-model gradients on two shared cores
    hookTimeout: 120_000,
  },
});
