/**
 * Packs ONNX's operator test cases into test/onnxCases.json.gz, which the tests read.
 *
 *   npx tsx scripts/onnxCases.ts NAME=DIR...
 *
 * DIR holds a folder for each case with model.onnx and test_data_set_0, as ONNX's "backend-test-tools generate-data" and Debian's
 * libonnx-testdata have them; NAME says which release they are of. Where two directories have a case of one name, the second is kept
 * only if its model is another one: written in an older operator set. The cases are Apache-2.0, of the ONNX project's contributors.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { notUnderstood } from "../src/onnx/canonicalise";
import { ModelFormatError } from "../src/onnx/graph";
import { ModelProtoSchema } from "../src/onnx/proto/onnx_pb";
import { CASES_FILE, unpacked, type PackedCase, type PackedCases } from "../test/onnxCases";

/** Larger cases only repeat, with more numbers, what small ones show; of each operator the smallest stays, whatever its size. */
const LARGEST = 8000;

function packed(name: string, dir: string): PackedCase {
  const read = (file: string) => readFileSync(join(dir, file)).toString("base64");
  const series = (kind: string) => {
    const files: string[] = [];
    for (let i = 0; existsSync(join(dir, `test_data_set_0/${kind}_${i}.pb`)); i++)
      files.push(read(`test_data_set_0/${kind}_${i}.pb`));
    return files;
  };
  const tolerance = join(dir, "tolerance");
  const [rtol, atol] = existsSync(tolerance) ? readFileSync(tolerance, "utf8").split(" ").map(Number) : [1e-3, 1e-7];
  return { name, model: read("model.onnx"), inputs: series("input"), outputs: series("output"), rtol: rtol!, atol: atol! };
}

/** Why a case is left out, or undefined. */
function reasonAgainst(one: PackedCase): string | undefined {
  try {
    const { graph } = unpacked(one);
    const unknown = notUnderstood(graph);
    if (unknown.length) return `${unknown[0]!.op} is not an operator that is read`;
    return undefined;
  } catch (error) {
    if (!(error instanceof ModelFormatError)) return "its inputs or outputs are not all tensors";
    if (/data type code/.test(error.message)) return "data of a type that is not read (text, eight-bit floats, two-bit integers)";
    if (/not a tensor/.test(error.message)) return "its inputs or outputs are not all tensors";
    if (/attribute/.test(error.message)) return "an attribute of a type that is not read";
    return error.message.replaceAll(one.name, "it");
  }
}

const mainOp = (one: PackedCase) =>
  fromBinary(ModelProtoSchema, Buffer.from(one.model, "base64")).graph!.node[0]?.opType ?? "none";
const bytes = (one: PackedCase) => [one.model, ...one.inputs, ...one.outputs].reduce((sum, { length }) => sum + length * 0.75, 0);

const out: PackedCases = { source: "", cases: [], leftOut: {} };
const models = new Set<string>();
const large: PackedCase[] = [];
const leaveOut = (reason: string, name: string) => (out.leftOut[reason] ??= []).push(name);
const sources = process.argv.slice(2).map((arg) => arg.split("=") as [string, string]);
if (!sources.length || sources.some(([, dir]) => !dir)) throw new Error("Usage: npx tsx scripts/onnxCases.ts NAME=DIR...");
out.source = sources.map(([name]) => name).join(", ");
for (const [i, [source, root]] of sources.entries())
  for (const folder of readdirSync(root).sort()) {
    const one = packed(i === 0 ? folder : `${folder} (${source})`, join(root, folder));
    const key = one.model + one.inputs.join();
    if (models.has(key) || models.has(`${folder} ${one.model}`)) continue;
    models.add(key);
    models.add(`${folder} ${one.model}`);
    const reason = reasonAgainst(one);
    if (reason) leaveOut(reason, one.name);
    else if (bytes(one) > LARGEST) large.push(one);
    else out.cases.push(one);
  }
const covered = new Set(out.cases.map(mainOp));
for (const one of large.sort((a, b) => bytes(a) - bytes(b)))
  if (covered.has(mainOp(one))) leaveOut(`more than ${LARGEST} bytes, and smaller cases of the operator are there`, one.name);
  else {
    covered.add(mainOp(one));
    out.cases.push(one);
  }
const file = gzipSync(JSON.stringify(out), { level: 9 });
writeFileSync(CASES_FILE, file);
console.log(`${out.cases.length} cases of ${covered.size} operators, ${file.length} bytes`);
for (const [reason, names] of Object.entries(out.leftOut).sort(([, a], [, b]) => b.length - a.length))
  console.log(`${names.length} left out: ${reason} (${names.slice(0, 4).join(", ")}${names.length > 4 ? ", ..." : ""})`);
