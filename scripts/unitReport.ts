/** A Vitest reporter that writes what scripts/test.ts sums up: counts, and every skipped test with its reason. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { SerializedError } from "vitest";
import type { Reporter, TestModule } from "vitest/node";
import type { Tally } from "./tally";

export default class UnitReport implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const tally: Tally = { passed: 0, failed: unhandled.length, skipped: [] };
    for (const module of modules) {
      // A module or a hook that throws fails without any test of its own failing.
      if (!module.ok() && [...module.children.allTests("failed")].length === 0) tally.failed += 1;
      for (const test of module.children.allTests()) {
        const result = test.result();
        if (result.state === "passed") tally.passed += 1;
        else if (result.state === "failed") tally.failed += 1;
        else
          tally.skipped.push({
            name: `${module.relativeModuleId} > ${test.fullName}`,
            reason: ("note" in result && result.note) || "marked as skipped",
          });
      }
    }
    const file = process.env.UNIT_REPORT ?? "test-results/unit.json";
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify(tally));
  }
}
