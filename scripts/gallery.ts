/**
 * `npm run gallery -- [ID ...]`: makes the pictures of docs/gallery.md with the command line, all or those named, and writes the page.
 * Every picture is what its command writes, from the model that comes with the app.
 */
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { chapters, type Entry } from "./galleryEntries";

const MODEL = "mobilenetv3-centernet";
/** Unless an entry says otherwise. */
const DEFAULTS = { "--size": "128", "--steps": "128", "--seed": "1" };
/** Entries that name a recipe follow its steps and size. */
const OWN_STEPS = new Set(["quick", "lucid", "accentuation"]);

const fileOf = ({ id, ending }: Entry): string => `gallery/${id}.${ending ?? "png"}`;

function argumentsOf(entry: Entry): string[] {
  const { objective, args = [] } = entry;
  const fromRecipe = args[0] === "--recipe" && OWN_STEPS.has(args[1] ?? "");
  const given = Object.entries(DEFAULTS).flatMap(([option, value]) =>
    args.includes(option) || (fromRecipe && option === "--steps") ? [] : [option, value],
  );
  return ["--model", MODEL, "--objective", JSON.stringify(objective), ...args, ...given, "-o", `docs/${fileOf(entry)}`];
}

/** As one types it. */
const quoted = (argument: string): string => (/^[\w./=:-]+$/.test(argument) ? argument : `'${argument}'`);
const command = (entry: Entry): string => `npm run -s render -- ${argumentsOf(entry).map(quoted).join(" ")}`;

const page = (): string => `# Gallery

<!-- written by scripts/gallery.ts -->

What \`npm run render\` can make, a picture for each capability, from the model that comes with the app (MobileNet v3 in CenterNet, 2.3 MB):
a small network made for phones, whose units answer to textures more than to things. Each command makes its picture again, bit for bit on the same
machine with the same number of threads. \`npm run gallery\` makes them all; the page's controls say the same things.

${chapters.map(chapterText).join("\n")}`;

const chapterText = ({ title, text, entries }: (typeof chapters)[number]): string =>
  `## ${title}\n\n${text}\n\n${entries.map(entryText).join("\n")}`;

const entryText = (entry: Entry): string => `### ${entry.title}

${entry.text}

![${entry.title}](${fileOf(entry)})

\`\`\`sh
${command(entry)}
\`\`\`
`;

async function main(): Promise<void> {
  const wanted = new Set(process.argv.slice(2));
  const entries = chapters.flatMap((chapter) => chapter.entries);
  const unknown = [...wanted].filter((id) => !entries.some((entry) => entry.id === id));
  if (unknown.length) throw new Error(`no picture of the gallery is called ${unknown.join(", ")}`);
  await mkdir("docs/gallery", { recursive: true });
  await writeFile("docs/gallery.md", page());
  for (const entry of entries) {
    if (wanted.size && !wanted.has(entry.id)) continue;
    const { stdout } = await promisify(execFile)(process.execPath, ["--import", "tsx", "cli/render.ts", ...argumentsOf(entry)]);
    console.log(entry.id, stdout.trim().split("\n").at(-1));
  }
}

await main();
