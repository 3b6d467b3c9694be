/** What a test run came to, and how Playwright's JSON report reads as one. */

export interface Tally {
  passed: number;
  failed: number;
  skipped: { name: string; reason: string }[];
  /** What failed, and its first words: told at the very end, where a long log is read. */
  failures: { name: string; reason: string }[];
}

/** The part of Playwright's JSON report that is counted. */
export interface BrowserReport {
  suites: BrowserSuite[];
  /** Errors outside any test: a file that does not compile, a server that does not start. */
  errors: { message?: string }[];
}

interface BrowserSuite {
  suites?: BrowserSuite[];
  specs: {
    title: string;
    file: string;
    tests: {
      status: "expected" | "unexpected" | "flaky" | "skipped";
      annotations: { type: string; description?: string }[];
      results: { error?: { message?: string } }[];
    }[];
  }[];
}

/** Counts every test once; one that passed only when tried again counts as failed. */
export function tallyOf(report: BrowserReport): Tally {
  const outside = report.errors.map(({ message }) => ({ name: "outside any test", reason: firstWords(message) }));
  const tally: Tally = { passed: 0, failed: outside.length, skipped: [], failures: outside };
  const walk = (suite: BrowserSuite): void => {
    for (const { title, file, tests } of suite.specs)
      for (const { status, annotations, results } of tests) {
        if (status === "expected") tally.passed += 1;
        else if (status === "skipped")
          tally.skipped.push({
            name: `${file} > ${title}`,
            reason: annotations.find(({ type }) => type === "skip")?.description ?? "marked as skipped",
          });
        else {
          tally.failed += 1;
          const error = results.find((result) => result.error)?.error;
          tally.failures.push({ name: `${file} > ${title}`, reason: firstWords(error?.message, status) });
        }
      }
    suite.suites?.forEach(walk);
  };
  report.suites.forEach(walk);
  return tally;
}

// eslint-disable-next-line no-control-regex -- terminals' colours
const COLOURS = /\u001b\[[0-9;]*m/g;

/** An error's message as one short paragraph. */
export const firstWords = (message = "", otherwise = "no message"): string =>
  message.replace(COLOURS, "").replace(/\s+/g, " ").trim().slice(0, 600) || otherwise;

/** Skipped tests by reason, the most frequent first: a line each. */
export function skippedLines(skipped: Tally["skipped"]): string[] {
  const byReason = new Map<string, string[]>();
  for (const { name, reason } of skipped) byReason.set(reason, [...(byReason.get(reason) ?? []), name]);
  return [...byReason]
    .sort(([, a], [, b]) => b.length - a.length)
    .map(
      ([reason, names]) => `${names.length} × ${reason}: ${[...new Set(names.map((name) => name.split(" > ")[0]))].join(", ")}`,
    );
}
