/**
 * `npm start`: the app on this machine. Makes the hosted models where they are missing, builds, serves the build with the headers
 * that give WASM its threads, and opens a browser where there is one.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, existsSync } from "node:fs";
import { build, preview } from "vite";
import type { Catalog } from "../src/api/model";

const catalog = JSON.parse(readFileSync("public/models/catalog.json", "utf8")) as Catalog;
const first = catalog.models.find(({ id }) => id === catalog.default);
const missing = first?.files.some(({ origin, url }) => origin === "hosted" && !existsSync(`public/models/${url}`));
if (missing && spawnSync("npm", ["run", "--silent", "models"], { stdio: "inherit" }).status !== 0)
  throw new Error(`npm run models could not make ${first?.id}; what it printed above says why.`);

await build({ logLevel: "warn" });
const server = await preview({ preview: { open: Boolean(process.stdout.isTTY) && !process.env.CI } });
console.log("\nMicrographia is running. Ctrl+C ends it.");
server.printUrls();
