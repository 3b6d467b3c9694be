/** `npm run size`: what the build in dist/ weighs, against bench/size.json, which is then written anew. Fails over the bound. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { complaints, kilobytes, measure, SHELL_BOUND, table, type SizeReport } from "./sizes";

const record = "bench/size.json";
const before = existsSync(record) ? (JSON.parse(readFileSync(record, "utf8")) as SizeReport) : null;
const now = measure("dist");

console.log(table(now, before));
console.log(`App shell without ONNX Runtime: ${kilobytes(now.shell)} of ${kilobytes(SHELL_BOUND)} gzip`);
for (const complaint of complaints(now, before ?? now)) console.error(complaint);

// What a machine hosts besides the embedded model, and the lists, change without the code: they are not recorded.
const files = now.files.filter(({ group }) => group !== "models" && group !== "rest");
const lines = files.map((file) => `    ${JSON.stringify(file)}`).join(",\n");
writeFileSync(record, `{\n  "shell": ${now.shell},\n  "files": [\n${lines}\n  ]\n}\n`);
console.log(`Recorded in ${record}`);
if (now.shell > SHELL_BOUND) process.exitCode = 1;
