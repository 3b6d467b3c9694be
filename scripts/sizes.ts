/**
 * What a build weighs, file by file, as a host sends it (gzip, level 9), and what of that is the app shell.
 *
 * The shell is all code that a first visit loads before a picture grows, but for ONNX Runtime: the page, what it names, both workers,
 * and whatever these import statically. Parts behind `import()` are not in it.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { gzipSync } from "node:zlib";

/** KB are 1000 bytes, as everywhere in this app. */
export const SHELL_BOUND = 250_000;
/** More growth than this since the recorded build needs a word: `npm run size` records anew. */
export const GROWTH_BOUND = 0.05;

export type Group = "shell" | "later" | "service worker" | "ONNX Runtime" | "models" | "rest";

export interface FileSize {
  /** Without the hash of its content. */
  name: string;
  group: Group;
  bytes: number;
  gzip: number;
}

export interface SizeReport {
  /** Sum of the shell's files, gzip. */
  shell: number;
  files: FileSize[];
}

/** Weighs the build in `folder`. Throws when it is no build. */
export function measure(folder: string): SizeReport {
  if (!existsSync(join(folder, "index.html"))) throw new Error(`${folder}/index.html is not there. Run npm run build first.`);
  const found = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = found.map(({ parentPath, name }) => relative(folder, join(parentPath, name)).split(sep).join("/"));
  const shell = shellOf(folder, paths);
  const files = paths
    .map((path) => {
      const content = readFileSync(join(folder, path));
      return {
        name: unhashed(path),
        group: groupOf(path, shell),
        bytes: content.length,
        gzip: gzipSync(content, { level: 9 }).length,
      };
    })
    .toSorted((a, b) => GROUPS.indexOf(a.group) - GROUPS.indexOf(b.group) || b.gzip - a.gzip);
  return { shell: sum(files.filter(({ group }) => group === "shell")), files };
}

const GROUPS: readonly Group[] = ["shell", "later", "service worker", "ONNX Runtime", "models", "rest"];

export const sum = (files: readonly FileSize[]): number => files.reduce((total, { gzip }) => total + gzip, 0);

const unhashed = (path: string): string => path.replace(/^(assets\/.+)-[\w-]{8}(\.\w+)$/, "$1$2");

function groupOf(path: string, shell: ReadonlySet<string>): Group {
  if (shell.has(path)) return "shell";
  if (path === "sw.js") return "service worker";
  if (/^assets\/ort[.-]/.test(path)) return "ONNX Runtime";
  if (path.startsWith("models/")) return "models";
  return /\.(js|mjs|css)$/.test(path) ? "later" : "rest";
}

/** The page, what it names, the workers, and what all these import statically. */
function shellOf(folder: string, paths: readonly string[]): Set<string> {
  const page = readFileSync(join(folder, "index.html"), "utf8");
  const named = [...page.matchAll(/(?:src|href)="\.\/(assets\/[^"]+)"/g)].map(([, path = ""]) => path);
  const workers = paths.filter((path) => /^assets\/\w+\.worker-[\w-]{8}\.js$/.test(path));
  if (!named.length || !workers.length)
    throw new Error(
      `${folder} names ${named.length} files in its page and has ${workers.length} workers; both must be more than 0.`,
    );
  const shell = new Set<string>(["index.html"]);
  const visit = (path: string): void => {
    if (shell.has(path)) return;
    shell.add(path);
    if (!path.endsWith(".js")) return;
    const code = readFileSync(join(folder, path), "utf8");
    for (const [, name = ""] of code.matchAll(/\b(?:import|from)\s*"\.\/([^"]+)"/g)) visit(`assets/${name}`);
  };
  [...named, ...workers].forEach(visit);
  return shell;
}

/** What is wrong with `now`, in words: too heavy, or grown too much since `before`. Empty when nothing is. */
export function complaints(now: SizeReport, before: SizeReport): string[] {
  const growth = now.shell / before.shell - 1;
  const grown = now.files
    .filter(({ group }) => group === "shell")
    .map((file) => ({ file, by: file.gzip - (before.files.find(({ name }) => name === file.name)?.gzip ?? 0) }))
    .filter(({ by }) => by > 1000)
    .map(({ file, by }) => `${file.name} by ${kilobytes(by)}`);
  const cure = `Grown: ${grown.join(", ") || "nothing by more than 1 KB"}. Load what a first picture does not need by import()`;
  return [
    now.shell > SHELL_BOUND
      ? `The app shell is ${kilobytes(now.shell)} gzip, and may be ${kilobytes(SHELL_BOUND)}. ${cure}.`
      : null,
    growth > GROWTH_BOUND
      ? `The app shell grew from ${kilobytes(before.shell)} to ${kilobytes(now.shell)} gzip, ${(100 * growth).toFixed(1)} %. ` +
        `${cure}, or record the new size: npm run size, and commit bench/size.json.`
      : null,
  ].filter((complaint) => complaint !== null);
}

export const kilobytes = (bytes: number): string => `${(bytes / 1000).toFixed(1)} KB`;

/** A table for a terminal: each group with its files, and the change since `before`. */
export function table(now: SizeReport, before: SizeReport | null): string {
  const line = (name: string, bytes: number, gzip: number, was: number | undefined): string => {
    const change = was === undefined || was === gzip ? "" : `${gzip > was ? "+" : "−"}${kilobytes(Math.abs(gzip - was))}`;
    return `${name.padEnd(52)}${kilobytes(bytes).padStart(12)}${kilobytes(gzip).padStart(12)}${change.padStart(12)}`.trimEnd();
  };
  const rows = GROUPS.flatMap((group) => {
    const files = now.files.filter((file) => file.group === group);
    const old = before?.files.filter((file) => file.group === group);
    const bytes = files.reduce((total, file) => total + file.bytes, 0);
    return [
      line(group, bytes, sum(files), old && sum(old)),
      ...files.map(({ name, bytes: size, gzip }) => line(`  ${name}`, size, gzip, old?.find((file) => file.name === name)?.gzip)),
      "",
    ];
  });
  return [`${"".padEnd(52)}${"raw".padStart(12)}${"gzip".padStart(12)}${"change".padStart(12)}`, ...rows].join("\n");
}
