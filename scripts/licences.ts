/** `npm run licences`: writes THIRD_PARTY.md, which the build serves as licences.txt. To be run whenever a dependency changes. */
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { dependencies, thirdParty } from "./licenceList";

const list = dependencies(resolve(import.meta.dirname, ".."));
writeFileSync("THIRD_PARTY.md", thirdParty(list));
const kinds = new Map<string, number>();
for (const { licence } of list) kinds.set(licence, (kinds.get(licence) ?? 0) + 1);
console.log(
  `THIRD_PARTY.md: ${list.length} packages (${[...kinds].map(([licence, count]) => `${count} ${licence}`).join(", ")})`,
);
