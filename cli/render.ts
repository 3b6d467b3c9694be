/** `npm run render`: one picture of what a unit looks for, from a terminal, through the library that the page uses. */
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import type { Picture } from "../src/api/engine";
import { compileGoal } from "../src/engine/goal";
import { nodeRuntime } from "../src/engine/ortNode";
import { renderPicture } from "../src/engine/render";
import { namingOf } from "../src/models/naming";
import { resolveObjective } from "../src/vis/objective/resolve";
import type { Recipe } from "../src/vis/recipe";
import { lucid, recipeOf, recipes } from "../src/vis/recipes";
import { validateObjective } from "../src/vis/schema/objective";
import { validateRecipe } from "../src/vis/schema/recipe";
import { conventionNames, openModel } from "./model";
import { readBitmap } from "./pictures";
import { differences, fileOf, isSame, readRecord, recordOf, whatToShow, type PictureFiles } from "./record";
import { json, runCommand, UsageError, wholeNumber } from "./usage";

const HELP = `Makes pictures of what a vision network looks for.

  npm run -s render -- --model FILE_OR_ID --objective JSON [options] -o out.png
  npm run -s render -- --from-picture FILE.png [options] -o again.png

  --model FILE_OR_ID    an ONNX file, or the id of a model of public/models/catalog.json
  --from DIR            where else to look for an id's file
  --objective JSON      {"kind":"channel","layer":"inception_4c_output","channel":3}
                        {"kind":"neuron","layer":..., "channel":3, "x":4, "y":5}   (the centre when x and y are left out)
                        {"kind":"direction","layer":..., "vector":[...]}           (one number for each channel)
                        {"kind":"class","class":"tabby"}                           and many more: see docs/gallery.md
                        layer: a value of the file, or what the model's card calls it, such as "mixed4c"
  --recipe NAME|JSON    ${Object.keys(recipes).join(", ")}, or any of a recipe's fields over Lucid's;
                        both: NAME and JSON in a second --recipe
                        (default: the one that the model's card names, else ${lucid.name})
  --size PIXELS         side of the picture (default ${lucid.size})
  --steps N             (default ${lucid.steps})
  --seed N              (default ${lucid.seed})
  --batch N             pictures made together (default ${lucid.batch}); they are written side by side
  --columns N           how many of them to a row (default: as near to a square as it goes)
  --picture NAME=FILE   a PNG or JPEG that the objective or the recipe calls NAME; "drawn:0", "drawn:1", ... are always there
  --frames N            writes how it grew: N of the steps, on one sheet, or as an animation where -o ends in .gif (then default 48)
  --from-picture FILE   a PNG or GIF that this program or the page has saved: makes it again, with its model, objective, recipe and
                        preprocessing where no option says otherwise, and tells whether it is the same bit for bit
  --preprocessing P     how a file that the catalogue does not know wants its pictures: ${conventionNames.join(", ")},
                        or JSON such as {"channels":"BGR","range":255,"mean":[104,117,123],"std":[1,1,1],"size":224}
  --threads N           WASM threads (default: one for each core, at most 4)
  -o, --output FILE     the PNG or GIF to write

Prints one JSON line of progress now and then, and at the end {"objective", "steps", "ms_per_step", "device"},
with --from-picture also "same". The file says how it was made.
`;

/** Milliseconds between lines of progress. */
const REPORT_EVERY_MS = 500;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      model: { type: "string" },
      from: { type: "string" },
      objective: { type: "string" },
      recipe: { type: "string", multiple: true },
      size: { type: "string" },
      steps: { type: "string" },
      seed: { type: "string" },
      batch: { type: "string" },
      columns: { type: "string" },
      frames: { type: "string" },
      picture: { type: "string", multiple: true },
      "from-picture": { type: "string" },
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
  const { output, "from-picture": original } = values;
  const before = original === undefined ? null : readRecord(original);
  const name = values.model ?? before?.model.id;
  if (!name) throw new UsageError("--model is missing.");
  if (!values.objective && !before) throw new UsageError("--objective is missing.");
  if (!output) throw new UsageError("-o is missing: the PNG or GIF to write.");
  const asked = values.objective ? validateObjective(json("objective", values.objective)) : before!.objective;
  const files = pictureFiles(values.picture ?? []);
  const pictures = Object.fromEntries(Object.entries(files).map(([called, file]) => [called, readBitmap(file)]));
  const preprocessing = values.preprocessing ?? (before ? JSON.stringify(before.model.preprocessing) : undefined);
  const opened = await openModel(name, { ...values, ...(preprocessing === undefined ? {} : { preprocessing }) });
  const { graph, card, labels } = opened;
  process.stderr.write(`${name}: ${before && !values.preprocessing ? `as ${original} says` : opened.because}.\n`);
  if (before) for (const what of differences(before, { opened, files })) process.stderr.write(`${original}: ${what}.\n`);
  const recipe = chosenRecipe(values, before?.recipe ?? (card ? recipeOf(card) : lucid));
  const objective = resolveObjective(asked, namingOf({ graph, preprocessing: opened.preprocessing, card, labels }));
  const [columns, wantedFrames] = (["columns", "frames"] as const).map((option) =>
    values[option] === undefined ? undefined : wholeNumber(option, values[option], 1),
  );
  const shows = whatToShow({ columns, frames: wantedFrames, recipe, output, before: before?.shows });

  const runtime = nodeRuntime(values.threads === undefined ? undefined : wholeNumber("threads", values.threads, 1));
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort(new Error("stopped")));
  try {
    const goal = await compileGoal(runtime, { graph, preprocessing: opened.preprocessing, objective, recipe });
    let reported = -Infinity;
    const frames = new Map<number, readonly Picture[]>();
    const made = await renderPicture(goal, {
      recipe,
      pictures,
      signal: stop.signal,
      onStep: ({ step, score, stepsPerSecond, frames: pictured }) => {
        if (pictured) frames.set(step, pictured);
        const now = performance.now();
        if (now - reported < REPORT_EVERY_MS && step < recipe.steps) return;
        reported = now;
        line({ step, steps: recipe.steps, score: rounded(score), steps_per_second: rounded(stepsPerSecond) });
      },
      previews: shows.kind === "film" ? new Set(shows.steps) : false,
    });
    const run = { ...made, frames };
    const record = recordOf(run, { objective, recipe, shows, opened, model: name, files, device: runtime.info });
    const file = await fileOf(run, record, output);
    const same = original === undefined ? {} : { same: isSame(readFileSync(original), file) };
    await writeFile(output, file);
    line({
      objective: record.made.objective,
      steps: recipe.steps,
      ms_per_step: rounded(made.elapsedMs / recipe.steps),
      device: runtime.info.label,
      ...same,
    });
  } finally {
    await runtime.dispose();
  }
}

/** NAME=FILE, each. */
function pictureFiles(options: readonly string[]): PictureFiles {
  return Object.fromEntries(
    options.map((option): [string, string] => {
      const at = option.indexOf("=");
      if (at < 1) throw new UsageError(`--picture ${option} is not NAME=FILE.`);
      return [option.slice(0, at), option.slice(at + 1)];
    }),
  );
}

type RecipeOptions = Partial<Record<NumberOption, string>> & { recipe?: string[] };
type NumberOption = (typeof NUMBER_OPTIONS)[number];
const NUMBER_OPTIONS = ["size", "steps", "seed", "batch"] as const;

/** The last recipe that is named, else `standard` (Lucid's where there is but JSON), and over it the JSON and the options, checked together. */
function chosenRecipe(values: RecipeOptions, standard: Recipe): Recipe {
  const { base, fields } = (values.recipe ?? []).reduce<{ base: Recipe; fields: object }>(
    ({ base, fields }, text, i) => {
      if (Object.hasOwn(recipes, text)) return { base: recipes[text]!, fields: {} };
      if (!text.trimStart().startsWith("{"))
        throw new UsageError(`--recipe ${text} is not known; there are ${Object.keys(recipes).join(", ")}, or give JSON.`);
      return { base: i ? base : lucid, fields: { ...fields, ...(json("recipe", text) as object) } };
    },
    { base: standard, fields: {} },
  );
  const given = NUMBER_OPTIONS.filter((option) => values[option] !== undefined);
  const options = Object.fromEntries(given.map((option) => [option, wholeNumber(option, values[option]!, 0)]));
  return validateRecipe({ ...fields, ...options }, base);
}

const rounded = (x: number): number => Number(x.toPrecision(5));
const line = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);

await runCommand("render", main);
// ORT's WASM threads would keep the process alive
process.exit();
