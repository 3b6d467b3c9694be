/**
 * `npm run bench:attribution`: are the maps true? Photo by photo, how fast the score comes back as pixels are inserted in the order of each
 * method's map, against a random order and the order of the picture's edges.
 *
 *   npm run bench:attribution [-- --photos 100] [--model FILE_OR_ID] [--from DIR] [--methods '[{"name":"rise","masks":500}]'] [--rows FILE]
 *
 * The area under the insertion curve (Petsiuk et al. 2018), normalised: the blurred picture is 0, the whole one 1. The target is the class
 * that the network answers most strongly, before the softmax. Photos on which the blurred picture scores higher are left out, and counted.
 * With --rows each photo's row is kept as it is made, and a run that was ended goes on from there.
 *
 * Integrated Gradients start from the blurred picture, as insertion does: their shares then add up to the very rise that insertion measures.
 * From black, which the curve never shows, they order pixels for another question, and did no better than chance on the first photos.
 */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openModel } from "../cli/model";
import { wholeNumber } from "../cli/usage";
import { methodOf } from "../src/attribution/methods";
import { insertion } from "../src/attribution/truth/curves";
import { edgeMap, randomMap } from "../src/attribution/truth/rivals";
import { resolveTarget } from "../src/attribution/target";
import type { AttributionMethod } from "../src/attribution/types";
import { validateMethod } from "../src/attribution/schema";
import type { Tensor } from "../src/onnx/graph";
import { nodeRuntime } from "../src/engine/ortNode";
import { predict } from "../src/engine/predict";
import { RuntimeProbe, type Compiled } from "../src/engine/probe";
import { namingOf } from "../src/models/naming";
import { sidesOf } from "../src/onnx/preprocessing";
import { photo, photoNames, SHARED_DATA } from "../test/photos";

const { values } = parseArgs({
  options: {
    photos: { type: "string", default: "100" },
    model: { type: "string", default: join(SHARED_DATA, "models/squeezenet1_0.onnx") },
    from: { type: "string" },
    methods: { type: "string" },
    rows: { type: "string" },
    threads: { type: "string" },
  },
});
const METHODS: readonly AttributionMethod[] = [
  { name: "integratedGradients", baseline: { kind: "blur" } },
  { name: "gradCam" },
  { name: "rise" },
];
const methods = values.methods === undefined ? METHODS : (JSON.parse(values.methods) as unknown[]).map(validateMethod);
const { graph, preprocessing, card, labels } = await openModel(values.model, values);
const naming = namingOf({ graph, preprocessing, card, labels });
const runtime = nodeRuntime(values.threads === undefined ? undefined : wholeNumber("threads", values.threads, 1));
const programs = new Map<string, Promise<Compiled>>();
const cache = (key: string, make: () => Promise<Compiled>): Promise<Compiled> =>
  programs.get(key) ?? programs.set(key, make()).get(key)!;

const [height] = sidesOf(preprocessing);
const names = photoNames().slice(0, wholeNumber("photos", values.photos, 1));
interface Row {
  photo: string;
  areas: Record<string, number | null>;
}
const before = values.rows && existsSync(values.rows) ? readFileSync(values.rows, "utf8").trim().split("\n").filter(Boolean) : [];
const rows = before.map((line) => JSON.parse(line) as Row);
for (const name of names.filter((name) => !rows.some(({ photo }) => photo === name))) {
  const picture = photo(name, height);
  const subject = { graph, preprocessing, naming, picture, cache };
  const [first] = await predict(runtime, { ...subject, count: 1 });
  const { objective } = await resolveTarget({ kind: "class", class: first!.class, ...first!.at }, naming, () =>
    Promise.resolve(null),
  );
  const context = { probe: new RuntimeProbe(runtime, { graph, preprocessing, objective, cache }), picture, pictures: {} };
  const areas: Record<string, number | null> = {};
  const weigh = async (called: string, map: Tensor): Promise<void> => {
    areas[called] = (await insertion(context, map)).normalised;
  };
  for (const method of methods) await weigh(method.name, (await methodOf(method)(context, method)).map);
  await weigh("edges", edgeMap(picture));
  await weigh("random", randomMap(context.probe.size));
  rows.push({ photo: name, areas });
  if (values.rows) appendFileSync(values.rows, `${JSON.stringify({ photo: name, areas })}\n`);
  console.log(name, Object.entries(areas).map(([called, area]) => `${called} ${area?.toFixed(3) ?? "-"}`).join(", ")); // prettier-ignore
}

const kept = rows.filter(({ areas }) => Object.values(areas).every((area) => area !== null));
const columns = [...methods.map(({ name }) => name as string), "edges", "random"];
const mean = (of: readonly number[]): number => of.reduce((sum, v) => sum + v, 0) / of.length;
const above = (called: string, rival: string): number =>
  kept.filter(({ areas }) => areas[called]! > areas[rival]!).length / kept.length;
const percent = (share: number): string => `${Math.round(100 * share)} %`;
console.table(
  columns.map((called) => ({
    map: called,
    "insertion, normalised": mean(kept.map(({ areas }) => areas[called]!)).toFixed(3),
    "photos above random": percent(above(called, "random")),
    "photos above edges": percent(above(called, "edges")),
  })),
);
console.log(`${kept.length} of ${rows.length} photos; ${rows.length - kept.length} score higher when blurred.`);
process.exit(); // ORT's WASM threads would keep the process alive
