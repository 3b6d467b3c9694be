/**
 * `npm test`: everything that CI runs, in one command: checks, models, unit tests, build, journeys in a browser (installed if need be).
 * A part that fails does not keep the others from running. The last line is `N passed, N failed, N skipped` over Vitest and
 * Playwright (a failing check, model conversion or build counts as one failure); the exit code is 0 only when tests ran and none failed.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { ensureBrowser } from "./browser";
import { skippedLines, tallyOf, type BrowserReport, type Tally } from "./tally";

const unitReport = "test-results/unit.json";
const browserReport = "test-results/e2e.json";
const total: Tally = { passed: 0, failed: 0, skipped: [], failures: [] };

/** Runs an npm script with this terminal's output; says whether it ended well. */
function run(script: string, args: string[] = [], env: Record<string, string> = {}): boolean {
  const started = Date.now();
  console.log(`\n== npm run ${script} ==`);
  const { status } = spawnSync("npm", ["run", "--silent", script, "--", ...args], {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, ...env },
  });
  console.log(`== ${script}: ${status === 0 ? "ok" : "FAILED"}, ${((Date.now() - started) / 1000).toFixed(0)} s ==`);
  return status === 0;
}

function count(part: string, ok: boolean, tally: Tally | null): void {
  if (tally) {
    total.passed += tally.passed;
    total.failed += tally.failed;
    total.skipped.push(...tally.skipped);
    total.failures.push(...tally.failures);
  }
  if (!ok && !tally?.failed) fail(part, "ended badly: its own words are above");
  if (ok && tally && tally.passed === 0) fail(part, "nothing ran");
}

function fail(name: string, reason: string): void {
  total.failed += 1;
  total.failures.push({ name, reason });
}

const read = <T>(file: string): T | null => (existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as T) : null);

for (const file of [unitReport, browserReport]) rmSync(file, { force: true });
count("check", run("check"), null);
count("models", run("models"), null);
const unit = run("unit", ["--reporter=default", "--reporter=./scripts/unitReport.ts"], { UNIT_REPORT: unitReport });
count("unit", unit, read<Tally>(unitReport));
const built = run("build");
count("build", built, null);
if (built) {
  if (!ensureBrowser())
    console.error("No Chromium or Chrome is here, and none could be installed. CHROMIUM_PATH names one elsewhere.");
  const e2e = run("e2e", [], { E2E_REPORT: browserReport });
  const report = read<BrowserReport>(browserReport);
  count("e2e", e2e, report && tallyOf(report));
}

if (total.skipped.length) console.log("\nSkipped:");
for (const line of skippedLines(total.skipped)) console.log(`  ${line}`);
if (total.failures.length) console.log("\nFailed:");
for (const { name, reason } of total.failures) console.log(`  ${name}: ${reason}`);
console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped.length} skipped`);
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;
