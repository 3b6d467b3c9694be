/** `npm run grad`: the gradient of a network as a network, ONNX in, ONNX out, for any runtime. */
import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { parseArgs } from "node:util";
import { gradient, unsupported, UnsupportedOpsError, type UnsupportedOp } from "../src/autodiff/gradient";
import { lower } from "../src/autodiff/lower";
import { cut } from "../src/onnx/canonical/cut";
import { canonicalise, notUnderstood, resolveValue } from "../src/onnx/canonicalise";
import type { Graph, StaticGraph } from "../src/onnx/graph";
import { readModel } from "../src/onnx/read";
import { writeModel } from "../src/onnx/write";
import { runCommand, UsageError } from "./usage";

const HELP = `Writes a network together with its gradient, as one ONNX file that any runtime runs.

  npm run -s grad -- model.onnx --of VALUE [--wrt INPUT] [--shape INPUT=1,3,128,128]... -o out.onnx

  --of VALUE             what to differentiate: any value of the graph, such as inception_4c_output
  --wrt INPUT            by what: an input (default: the only one)
  --shape INPUT=N,C,H,W  size of an input, where the file leaves it open or another is wanted
  -o, --output FILE      the ONNX file to write

The file takes the model's own inputs, in the model's own convention, and "cotangent", shaped as VALUE.
It returns VALUE and "grad", the vector-Jacobian product (d VALUE / d INPUT)' cotangent, shaped as INPUT:
a cotangent of ones gives the gradient of VALUE's sum.
`;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      of: { type: "string" },
      wrt: { type: "string" },
      shape: { type: "string", multiple: true, default: [] },
      output: { type: "string", short: "o" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const [file, ...rest] = positionals;
  if (!file || rest.length)
    throw new UsageError(`give one model file; there are ${positionals.length}: ${positionals.join(" ") || "none"}.`);
  if (!values.of) throw new UsageError("--of is missing: the value to differentiate.");
  if (!values.output) throw new UsageError("-o is missing: the ONNX file to write.");

  const graph = readModel(opened(file), basename(file));
  const of = resolveValue(graph, values.of);
  const shapes = Object.fromEntries(values.shape.map(shape));
  const stranger = Object.keys(shapes).find((name) => !graph.inputs.some((v) => v.name === name));
  if (stranger !== undefined)
    throw new Error(
      `--shape names "${stranger}", but ${named(graph)} has no such input; there are ${graph.inputs.map((v) => `"${v.name}"`).join(", ")}.`,
    );
  refuse(notUnderstood(cut(graph, [of])));
  const model = canonicalise(graph, { shapes, until: [of] });
  const taken = ["cotangent", "grad"].find((name) => model.types.has(name));
  if (taken !== undefined)
    throw new Error(
      `${named(graph)} has a value "${taken}" of its own, which the written file needs for the gradient. Rename it in the model.`,
    );
  const wrt = values.wrt ?? onlyInput(model);
  if (!model.inputs.some((v) => v.name === wrt))
    throw new Error(`${named(graph)} has no input "${wrt}"; there are ${listed(model)}.`);
  refuse(unsupported(model, { of, wrt }));
  const bytes = writeModel(lower(gradient(model, { of, wrt }), "wasm"));
  write(values.output, bytes);
  const size = (name: string) => `[${model.types.get(name)!.shape.join(", ")}]`;
  process.stdout.write(
    `${JSON.stringify({ output: values.output, of, of_shape: model.types.get(of)!.shape, wrt, wrt_shape: model.types.get(wrt)!.shape, bytes: bytes.length })}\n`,
  );
  process.stderr.write(
    `grad: ${values.output}: ${wrt} ${size(wrt)} and cotangent ${size(of)} in, ${of} ${size(of)} and grad ${size(wrt)} out\n`,
  );
}

/** Lists every op without a rule, a line each, and throws the first few in one message. */
function refuse(found: readonly UnsupportedOp[]): void {
  for (const { op, node } of found) process.stderr.write(`grad: no rule for ${op} "${node}"\n`);
  if (found.length) throw new UnsupportedOpsError(found);
}

function opened(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new Error(`cannot read "${file}": ${(error as Error).message}`, { cause: error });
  }
}

function write(file: string, bytes: Uint8Array): void {
  try {
    writeFileSync(file, bytes);
  } catch (error) {
    throw new Error(`cannot write "${file}": ${(error as Error).message}. Choose another place with -o.`, { cause: error });
  }
}

const named = (graph: Graph): string => `model "${graph.name}"`;
const listed = (graph: StaticGraph): string => graph.inputs.map((v) => `"${v.name}" [${v.shape.join(", ")}]`).join(", ");

function onlyInput(model: StaticGraph): string {
  if (model.inputs.length !== 1) throw new UsageError(`--wrt is missing: the model has several inputs, ${listed(model)}.`);
  return model.inputs[0]!.name;
}

/** "data=1,3,128,128" -> ["data", [1, 3, 128, 128]] */
function shape(text: string): [string, number[]] {
  const at = text.lastIndexOf("=");
  const sizes = text.slice(at + 1).split(",").map(Number); // prettier-ignore
  if (at < 1 || sizes.some((d) => !Number.isInteger(d) || d < 1))
    throw new UsageError(`--shape is "${text}"; it must be like data=1,3,128,128.`);
  return [text.slice(0, at), sizes];
}

await runCommand("grad", main);
