/** `npm run render`: one picture of what a unit looks for, from a terminal, through the library that the page uses. */
import { parseArgs } from "node:util";
import { nodeRuntime } from "../src/engine/ortNode";
import { prepare } from "../src/engine/prepare";
import { compileStepper, renderPicture } from "../src/engine/render";
import { layerValue } from "../src/models/layers";
import { validateObjective, type Objective } from "../src/vis/objective";
import type { Recipe } from "../src/vis/recipe";
import { lucid, recipeOf, recipes, validateRecipe } from "../src/vis/recipes";
import { conventionNames, openModel } from "./model";
import { writePng } from "./png";
import { json, runCommand, UsageError, wholeNumber } from "./usage";

const HELP = `Makes a picture of what a unit of a vision network looks for.

  npm run -s render -- --model FILE_OR_ID --objective JSON [options] -o out.png

  --model FILE_OR_ID    an ONNX file, or the id of a model of public/models/catalog.json
  --from DIR            where else to look for an id's file
  --objective JSON      {"kind":"channel","layer":"inception_4c_output","channel":3}
                        {"kind":"neuron","layer":..., "channel":3, "x":4, "y":5}   (the centre when x and y are left out)
                        {"kind":"direction","layer":..., "vector":[...]}           (one number for each channel)
                        layer: a value of the file, or what the model's card calls it, such as "mixed4c"
  --recipe NAME|JSON    ${Object.keys(recipes).join(", ")}, or any of a recipe's fields over Lucid's
                        (default: the one that the model's card names, else ${lucid.name})
  --size PIXELS         side of the picture (default ${lucid.size})
  --steps N             (default ${lucid.steps})
  --seed N              (default ${lucid.seed})
  --preprocessing P     how a file that the catalogue does not know wants its pictures: ${conventionNames.join(", ")},
                        or JSON such as {"channels":"BGR","range":255,"mean":[104,117,123],"std":[1,1,1],"size":224}
  --threads N           WASM threads (default: one for each core, at most 4)
  -o, --output FILE     the PNG to write

Prints one JSON line of progress now and then, and at the end {"objective", "steps", "ms_per_step", "device"}.
`;

/** Milliseconds between lines of progress. */
const REPORT_EVERY_MS = 500;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      model: { type: "string" },
      from: { type: "string" },
      objective: { type: "string" },
      recipe: { type: "string" },
      size: { type: "string" },
      steps: { type: "string" },
      seed: { type: "string" },
      preprocessing: { type: "string" },
      threads: { type: "string" },
      output: { type: "string", short: "o" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const { model: name, output } = values;
  if (!name) throw new UsageError("--model is missing.");
  if (!values.objective) throw new UsageError("--objective is missing.");
  if (!output) throw new UsageError("-o is missing: the PNG to write.");
  const objective: Objective = validateObjective(json("objective", values.objective));
  const { graph, preprocessing, card, because } = await openModel(name, values);
  process.stderr.write(`${name}: ${because}.\n`);
  const recipe = chosenRecipe(values, card ? recipeOf(card) : lucid);
  const { model, layer } = prepare({ graph, preprocessing, layer: layerValue(graph, card, objective.layer), recipe });

  const runtime = nodeRuntime(values.threads === undefined ? undefined : wholeNumber("threads", values.threads, 1));
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort(new Error("stopped")));
  try {
    const stepper = await compileStepper(runtime, model, layer, recipe);
    let reported = -Infinity;
    const { picture, score, elapsedMs } = await renderPicture(stepper, {
      objective,
      recipe,
      signal: stop.signal,
      onStep: ({ step, score, stepsPerSecond }) => {
        const now = performance.now();
        if (now - reported < REPORT_EVERY_MS && step < recipe.steps) return;
        reported = now;
        line({ step, steps: recipe.steps, score: rounded(score), steps_per_second: rounded(stepsPerSecond) });
      },
      previews: false,
    });
    await writePng(output, picture);
    line({
      objective: score,
      steps: recipe.steps,
      ms_per_step: rounded(elapsedMs / recipe.steps),
      device: runtime.info.label,
    });
  } finally {
    await runtime.dispose();
  }
}

function chosenRecipe(values: { recipe?: string; size?: string; steps?: string; seed?: string }, standard: Recipe): Recipe {
  const base = values.recipe === undefined ? standard : namedRecipe(values.recipe);
  const number = (option: "size" | "steps" | "seed") =>
    values[option] === undefined ? base[option] : wholeNumber(option, values[option], 0);
  return validateRecipe({ size: number("size"), steps: number("steps"), seed: number("seed") }, base);
}

function namedRecipe(text: string): Recipe {
  if (Object.hasOwn(recipes, text)) return recipes[text]!;
  if (!text.trimStart().startsWith("{"))
    throw new UsageError(`--recipe ${text} is not known; there are ${Object.keys(recipes).join(", ")}, or give JSON.`);
  return validateRecipe(json("recipe", text));
}

const rounded = (x: number): number => Number(x.toPrecision(5));
const line = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);

await runCommand("render", main);
// ORT's WASM threads would keep the process alive
process.exit();
