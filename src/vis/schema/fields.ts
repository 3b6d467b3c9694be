/**
 * What the schemas are made of: each piece carries, as its message, what is allowed there, so that an error can say the field's path,
 * what it holds and what it may hold.
 */
import * as v from "valibot";

/** The pieces whose messages say what is allowed. */
type Schema = v.GenericSchema | v.LazySchema<v.GenericSchema>;

/** A number from `low` to `high`; NaN and infinities are none. */
export function number(low: number, high: number) {
  const what = `a number from ${low} to ${high}`;
  return v.pipe(v.number(what), v.minValue(low, what), v.maxValue(high, what));
}

export function whole(low: number, high: number) {
  const what = `a whole number from ${low} to ${high}`;
  return v.pipe(v.number(what), v.integer(what), v.minValue(low, what), v.maxValue(high, what));
}

/** A text of `least` to `most` letters. */
export function text(least: number, most: number, called = "a text") {
  const what = `${called} of ${least ? `${least} to` : "at most"} ${most} letters`;
  return v.pipe(v.string(what), v.minLength(least, what), v.maxLength(most, what));
}

export function list<const S extends Schema>(item: S, [least, most]: readonly [number, number], called: string) {
  const what = `a list of ${least ? `${least} to` : "at most"} ${most} ${called}`;
  return v.pipe(v.array(item, what), v.minLength(least, what), v.maxLength(most, what));
}

export const oneOf = <const T extends readonly string[]>(...options: T) => v.picklist(options, options.join(" or "));

/** An object with exactly these fields. */
export function fields<const E extends v.ObjectEntries>(entries: E) {
  const names = Object.keys(entries);
  return v.strictObject(entries, (issue) => {
    if (issue.expected === "never") return names.join(", ");
    const missing = names.find((name) => issue.expected === JSON.stringify(name));
    return missing === undefined ? `an object with ${names.join(", ")}` : whatOf(entries[missing]!);
  });
}

/** What a piece's message says for something that is not there at all. */
function whatOf(schema: v.ObjectEntries[string]): string {
  const { message } = schema as { message?: unknown };
  if (typeof message === "string") return message;
  if ("literal" in schema) return JSON.stringify(schema.literal);
  return schema.type === "nullable" && "wrapped" in schema
    ? `${whatOf(schema.wrapped as Schema)}, or null`
    : "an object with a kind";
}

/** An object of one kind. */
export const kind = <const K extends string, const E extends v.ObjectEntries>(name: K, entries: E) =>
  fields({ kind: v.literal(name, JSON.stringify(name)), ...entries });

/** One of several objects, told apart by their "kind". */
export function variants<const O extends v.VariantOptions<"kind">>(options: O) {
  const names = options
    .map((option) => ("entries" in option ? option.entries.kind.expects : ""))
    .map((name) => name?.slice(1, -1));
  return v.variant("kind", options, ({ expected }) =>
    expected === "Object" ? `an object whose kind is ${names.join(" or ")}` : names.join(" or "),
  );
}

/** What an error says of one value: short, whatever a link may hold. */
export function shown(value: unknown): string {
  if (value === undefined) return "missing";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  return typeof value === "string" ? JSON.stringify(clipped(value)) : String(value);
}

const LONGEST = 60;
const clipped = (text: string): string => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);

/** What is wrong first with `json`, in words: `recipe field "transforms[0].pixels" is -1; it must be a whole number from 0 to 256.` */
export function firstFault(schema: v.GenericSchema, json: unknown, called: string): string | null {
  const { issues } = v.safeParse(schema, json, { abortEarly: true, abortPipeEarly: true });
  if (!issues) return null;
  const [issue] = issues;
  const path = (issue.path ?? []).map(({ key }) => (typeof key === "number" ? `[${key}]` : `.${clipped(String(key))}`)).join("");
  const field = `${called} field "${path.replace(/^\./, "")}"`;
  return issue.type === "strict_object" && issue.expected === "never"
    ? `${field} is not known; there are ${issue.message}.`
    : `${field} is ${shown(issue.input)}; it must be ${issue.message}.`;
}
