/** `npm run import`: any model file that the page understands as one standard ONNX file, its weights smaller if wanted. */
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { importModel, MissingFilesError, type ImportedModel } from "../src/importers/importModel";
import type { NamedBytes } from "../src/importers/files";
import { nodeRuntime } from "../src/engine/ortNode";
import { answersOf, logitsOf } from "../src/engine/answers";
import { sidesOf } from "../src/onnx/preprocessing";
import { compareLogits } from "../src/quantize/compare";
import { quantize, type WeightReport, type WeightStorage } from "../src/quantize/quantize";
import { guessPreprocessing } from "../src/models/guess";
import type { Graph } from "../src/onnx/graph";
import { writeModel } from "../src/onnx/write";
import { readPictures } from "./pictures";
import { testPictures } from "../src/vis/testPictures";
import { runCommand, UsageError } from "./usage";

const HELP = `Writes a model as one standard ONNX file. What the files are is found out from their content, not from their names.

  npm run -s import -- FILE... [--int8 | --fp16] [--report report.json [--pictures PATH]...] [--until VALUE]... -o out.onnx

  FILE...                model.onnx, model.tflite, TF.js's model.json (graph or layers), or Caffe's .prototxt and .caffemodel;
                         other files that these name (weight shards, external data) are given too, or lie beside them
  --int8                 large float32 weights as int8, a scale for each output channel (standard DequantizeLinear)
  --fp16                 large float32 weights as float16 (a standard Cast leads back)
  --report FILE          with --int8 or --fp16: what each weight lost (SQNR, decibel; null: nothing) and its bytes, and how the
                         answers change over pictures, as JSON
  --pictures PATH        PNG or JPEG files, or folders of them, for the report (default: eight that are drawn by rule)
  --until VALUE          a value wanted as output; what comes after is left out (default: the model's own outputs)
  -o, --output FILE      the ONNX file to write

Models from TensorFlow come out as NCHW, and take real numbers where they took bytes. The last line printed is JSON:
output, format (onnx, caffe, tflite, tfjs), nodes, bytes, inputs, outputs, and preprocessing where the file tells how it wants pictures.
`;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      int8: { type: "boolean", default: false },
      fp16: { type: "boolean", default: false },
      report: { type: "string" },
      pictures: { type: "string", multiple: true, default: [] },
      until: { type: "string", multiple: true, default: [] },
      output: { type: "string", short: "o" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const storage: WeightStorage = values.int8 ? "int8" : values.fp16 ? "float16" : "float32";
  if (!positionals.length) throw new UsageError("no file is given.");
  if (!values.output) throw new UsageError("-o is missing: the ONNX file to write.");
  if (values.int8 && values.fp16) throw new UsageError("--int8 and --fp16 exclude each other.");
  if (values.report !== undefined && storage === "float32")
    throw new UsageError("--report says what smaller weights lost, so it needs --int8 or --fp16.");
  if (values.pictures.length && values.report === undefined)
    throw new UsageError("--pictures is for --report, which is not given.");

  const model = imported(positionals, values.until);
  if (model.leftOut.length)
    process.stderr.write(
      `import: left out, for want of a rule: ${model.leftOut.map(({ op, node }) => `${op} "${node}"`).join(", ")}\n`,
    );
  const { graph, report } = quantize(model.graph, storage);
  const bytes = writeModel(graph);
  writeFileSync(values.output, bytes);
  if (values.report !== undefined) {
    const change = await answers(model, graph, values.pictures);
    const whole = { files: positionals, output: values.output, storage, weights: report, answers: change };
    writeFileSync(values.report, `${JSON.stringify(whole, null, 2)}\n`);
  }
  process.stderr.write(
    `import: ${values.output}: ${graph.nodes.length} nodes, ${bytes.length} bytes, from ${model.format}${inShort(report, storage)}\n`,
  );
  const summary = {
    output: values.output,
    format: model.format,
    nodes: graph.nodes.length,
    bytes: bytes.length,
    inputs: graph.inputs.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
    outputs: graph.outputs,
    preprocessing: model.preprocessing,
  };
  process.stdout.write(`${JSON.stringify(summary)}\n`);
}

/** The model of these files; parts that they name and that were not given are looked for beside the first. */
function imported(paths: readonly string[], until: readonly string[]): ImportedModel {
  const files: NamedBytes[] = paths.map(read);
  const options = until.length ? { until } : {};
  for (;;)
    try {
      return importModel(files, options);
    } catch (error) {
      if (!(error instanceof MissingFilesError)) throw error;
      const beside = error.missing.map((name) => join(dirname(paths[0]!), name));
      if (!beside.every((path) => existsSync(path) && statSync(path).isFile())) throw error;
      files.push(...beside.map(read));
    }
}

const read = (path: string): NamedBytes => ({ name: basename(path), bytes: new Uint8Array(readFileSync(path)) });

/** How the network's answers change; null where it takes no picture. */
async function answers(model: ImportedModel, small: Graph, paths: readonly string[]) {
  const preprocessing = model.preprocessing ?? guessPreprocessing(model.graph)?.preprocessing;
  if (!preprocessing || !model.graph.outputs.length) return null;
  const output = logitsOf(model.graph);
  const size = sidesOf(preprocessing);
  const pictures = paths.length ? readPictures(paths, size) : testPictures(size);
  const runtime = nodeRuntime();
  const of = (graph: Graph) => answersOf(runtime, { graph, preprocessing, output, pictures });
  const change = compareLogits(await of(model.graph), await of(small));
  return { output, over: paths.length ? "the pictures given" : "pictures drawn by rule", preprocessing, ...change };
}

function inShort(report: readonly WeightReport[], storage: WeightStorage): string {
  if (storage === "float32") return "";
  const worst = report.toSorted((a, b) => (a.sqnrDb ?? Infinity) - (b.sqnrDb ?? Infinity))[0];
  if (!worst) return `; no float32 weight was large enough for ${storage}`;
  const lost =
    worst.sqnrDb === null ? "none of which lost anything" : `of which "${worst.name}" lost most: ${worst.sqnrDb.toFixed(1)} dB`;
  return `; ${report.length} weights as ${storage}, ${lost}`;
}

await runCommand("import", main);
