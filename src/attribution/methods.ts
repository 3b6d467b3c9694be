/** Every method of attribution, by name. */
import { blackBoxMethods } from "./blackBox/blackBoxMethods";
import { camMethods } from "./camMethods";
import { gradientMethods } from "./gradientMethods";
import type { Method } from "./probe";
import { AttributionError, type AttributionMethod } from "./types";

const methods: Readonly<Record<string, unknown>> = { ...gradientMethods, ...camMethods, ...blackBoxMethods };

export const methodNames: readonly string[] = Object.keys(methods);

/** The method that is named. Throws AttributionError with the names there are. */
export function methodOf({ name }: AttributionMethod): Method<AttributionMethod> {
  if (!Object.hasOwn(methods, name)) throw new AttributionError(`method "${name}" is not known; use ${methodNames.join(", ")}.`);
  return methods[name] as Method<AttributionMethod>;
}
