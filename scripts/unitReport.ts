/** A Vitest reporter that writes what scripts/test.ts sums up: counts, and every skipped test with its reason. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { SerializedError } from "vitest";
import type { Reporter, TestModule } from "vitest/node";
import { firstWords, type Tally } from "./tally";

export default class UnitReport implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const tally: Tally = { passed: 0, failed: 0, skipped: [], failures: [] };
    const fail = (name: string, errors: readonly { message: string }[]): void => {
      tally.failed += 1;
      tally.failures.push({ name, reason: firstWords(errors[0]?.message) });
    };
    for (const error of unhandled) fail("outside any test", [error]);
    for (const module of modules) {
      // A module or a hook that throws fails without any test of its own failing.
      if (!module.ok() && [...module.children.allTests("failed")].length === 0) fail(module.relativeModuleId, module.errors());
      for (const test of module.children.allTests()) {
        const result = test.result();
        if (result.state === "passed") tally.passed += 1;
        else if (result.state === "failed") fail(`${module.relativeModuleId} > ${test.fullName}`, result.errors);
        else
          tally.skipped.push({
            name: `${module.relativeModuleId} > ${test.fullName}`,
            reason: ("note" in result && result.note) || test.name,
          });
      }
    }
    const file = process.env.UNIT_REPORT ?? "test-results/unit.json";
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify(tally));
  }
}
