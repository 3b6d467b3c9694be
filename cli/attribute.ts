/** `npm run attribute`: which pixels of a picture count for a target, from a terminal, through the library that the page uses. */
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { methodNames } from "../src/attribution/methods";
import { validateMethod, validateTarget } from "../src/attribution/schema";
import type { AttributionMethod, AttributionTarget } from "../src/attribution/types";
import { attribute } from "../src/engine/attribute";
import { nodeRuntime } from "../src/engine/ortNode";
import type { Compiled } from "../src/engine/probe";
import { flattened, overlay } from "../src/export/heatmap";
import { npyOf } from "../src/export/npy";
import { namingOf } from "../src/models/naming";
import { sidesOf } from "../src/onnx/preprocessing";
import { networkInput } from "../src/vis/resample";
import { conventionNames, openModel } from "./model";
import { readBitmap } from "./pictures";
import { writePng } from "./png";
import { json, runCommand, UsageError, wholeNumber } from "./usage";

const HELP = `Says which pixels of a picture count for what a vision network answers.

  npm run -s attribute -- --model FILE_OR_ID --image FILE --method NAME [--target CLASS_OR_JSON] -o out.npy [--png out.png]

  --model FILE_OR_ID    an ONNX file, or the id of a model of public/models/catalog.json
  --from DIR            where else to look for an id's file
  --image FILE          a PNG or JPEG; its largest centre part of the network's shape is taken
  --method NAME|JSON    ${methodNames.join(", ")};
                        in any case, with or without hyphens; JSON for options, such as
                        {"name":"integratedGradients","points":64,"baseline":{"kind":"blur"}}
  --target CLASS|JSON   a class's name or number, or
                        {"kind":"unit","layer":"mixed4c","channel":3}              (its mean; one position with x and y)
                        {"kind":"direction","layer":..., "vector":[...]}           (one number for each channel)
                        {"kind":"difference","of":TARGET,"minus":TARGET}
                        (default: the class that the network answers most strongly)
  --picture NAME=FILE   a PNG or JPEG that the method calls NAME; "drawn:0", "drawn:1", ... are always there
  --preprocessing P     how a file that the catalogue does not know wants its pictures: ${conventionNames.join(", ")}, or JSON
  --threads N           WASM threads (default: one for each core, at most 4)
  -o, --output FILE     the map as a NumPy array, float32: [3, H, W], or [H, W] where colours have no part in it
  --png FILE            the map over the picture in gray, for people

Prints JSON lines of progress, and at the end {"method", "target", "score", "completeness_gap", "ms"}.
`;

/** Milliseconds between lines of progress. */
const REPORT_EVERY_MS = 500;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      model: { type: "string" },
      from: { type: "string" },
      image: { type: "string" },
      method: { type: "string" },
      target: { type: "string" },
      picture: { type: "string", multiple: true },
      preprocessing: { type: "string" },
      threads: { type: "string" },
      output: { type: "string", short: "o" },
      png: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const { output } = values;
  if (!values.model) throw new UsageError("--model is missing.");
  if (!values.image) throw new UsageError("--image is missing: a PNG or JPEG.");
  if (!output) throw new UsageError("-o is missing: the .npy file to write.");
  const method = methodFrom(values.method);
  const target = targetFrom(values.target);
  const pictures = Object.fromEntries((values.picture ?? []).map(named));
  const opened = await openModel(values.model, values);
  const { graph, preprocessing, card, labels } = opened;
  process.stderr.write(`${values.model}: ${opened.because}.\n`);
  const picture = networkInput(readBitmap(values.image), sidesOf(preprocessing));

  const runtime = nodeRuntime(values.threads === undefined ? undefined : wholeNumber("threads", values.threads, 1));
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort(new Error("stopped")));
  const programs = new Map<string, Promise<Compiled>>();
  let reported = performance.now();
  try {
    const made = await attribute(runtime, {
      graph,
      preprocessing,
      naming: namingOf({ graph, preprocessing, card, labels }),
      picture,
      ...(target === undefined ? {} : { target }),
      method,
      pictures,
      cache: (key, make) => programs.get(key) ?? programs.set(key, make()).get(key)!,
      signal: stop.signal,
      onProgress: (done, of) => {
        const now = performance.now();
        if (now - reported < REPORT_EVERY_MS) return;
        reported = now;
        line({ done, of });
      },
    });
    await writeFile(output, npyOf(made.map));
    if (values.png) await writePng(values.png, overlay(flattened(made.map), picture.data as Float32Array));
    line({
      method,
      target: labelled(made.target, labels),
      score: rounded(made.score),
      completeness_gap: made.completenessGap === null ? null : rounded(made.completenessGap),
      ms: Math.round(made.ms),
    });
  } finally {
    await runtime.dispose();
  }
}

/** "Guided-IG" and "guidedIg" are one method. */
function methodFrom(text: string | undefined): AttributionMethod {
  if (text === undefined) throw new UsageError(`--method is missing: one of ${methodNames.join(", ")}.`);
  if (text.trimStart().startsWith("{")) return validateMethod(json("method", text));
  const plain = (name: string) => name.toLowerCase().replace(/\+\+/g, "plusplus").replace(/[^a-z0-9]/g, ""); // prettier-ignore
  const name = methodNames.find((known) => plain(known) === plain(text));
  if (!name) throw new UsageError(`--method ${text} is not known; there are ${methodNames.join(", ")}.`);
  return validateMethod({ name });
}

function targetFrom(text: string | undefined): AttributionTarget | undefined {
  if (text === undefined) return undefined;
  if (text.trimStart().startsWith("{")) return validateTarget(json("target", text));
  return validateTarget({ kind: "class", class: /^\d+$/.test(text.trim()) ? Number(text) : text });
}

/** NAME=FILE */
function named(option: string): [string, ReturnType<typeof readBitmap>] {
  const at = option.indexOf("=");
  if (at < 1) throw new UsageError(`--picture ${option} is not NAME=FILE.`);
  return [option.slice(0, at), readBitmap(option.slice(at + 1))];
}

/** Classes with their names beside their numbers. */
function labelled(target: AttributionTarget, labels: readonly string[]): object {
  if (target.kind === "difference") return { ...target, of: labelled(target.of, labels), minus: labelled(target.minus, labels) };
  const label = target.kind === "class" ? labels[Number(target.class)] : undefined;
  return label === undefined ? target : { ...target, label };
}

const rounded = (x: number): number => Number(x.toPrecision(5));
const line = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);

await runCommand("attribute", main);
// ORT's WASM threads would keep the process alive
process.exit();
