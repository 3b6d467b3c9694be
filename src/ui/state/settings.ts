/** What the reader has chosen, as it sits in the address bar: `#model=googlenet&layer=inception_4c_output&channel=42&seed=7`. */
import { LIMITS } from "../../vis/schema/recipe";

export const KINDS = ["channel", "neuron", "direction"] as const;
export type Kind = (typeof KINDS)[number];

export interface Settings {
  /** Catalogue id; null until the catalogue names its default. */
  model: string | null;
  /** The graph's value name; null until a model's layers are known. */
  layer: string | null;
  kind: Kind;
  channel: number;
  /** Neuron only; null is the centre. */
  x: number | null;
  y: number | null;
  /** Direction only, as typed: "42:1, 7:-0.5". */
  direction: string;
  /** Pixels a side. */
  size: number;
  steps: number;
  seed: number;
}

export const DEFAULTS: Settings = {
  model: null,
  layer: null,
  kind: "channel",
  channel: 0,
  x: null,
  y: null,
  direction: "",
  size: 128,
  steps: 256,
  seed: 1,
};

/** Sizes and step counts that are offered; a link may ask for others within LIMITS. */
export const SIZES = [64, 96, 128, 192, 224, 256, 384, 512];
export const STEPS = [64, 128, 256, 512, 1024, 2560];
export const MAX_SEED = 2 ** 32 - 1;

/** Settings from a fragment; what it does not say, or says wrongly, is taken from `base`. */
export function readSettings(hash: string, base: Settings = DEFAULTS): Settings {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  const whole = <T extends number | null>(key: string, [low, high]: readonly [number, number], otherwise: T): number | T => {
    const text = given.get(key);
    return text !== null && /^\d+$/.test(text) && Number(text) >= low && Number(text) <= high ? Number(text) : otherwise;
  };
  const kind = KINDS.find((k) => k === given.get("kind")) ?? (given.has("channel") ? "channel" : base.kind);
  const model = given.get("model") || base.model;
  const otherModel = model !== base.model;
  return {
    model,
    layer: given.get("layer") || (otherModel ? null : base.layer),
    kind,
    channel: whole("channel", [0, 1e6], base.channel),
    x: whole("x", [0, 1e4], null),
    y: whole("y", [0, 1e4], null),
    direction: given.get("direction") ?? base.direction,
    size: whole("size", LIMITS.size, base.size),
    steps: whole("steps", LIMITS.steps, base.steps),
    seed: whole("seed", [0, MAX_SEED], base.seed),
  };
}

/** The fragment that leads back to these settings, without its "#". */
export function writeSettings(s: Settings): string {
  const out: [string, string | number][] = [];
  if (s.model) out.push(["model", s.model]);
  if (s.layer) out.push(["layer", s.layer]);
  if (s.kind !== "channel") out.push(["kind", s.kind]);
  if (s.kind === "direction") out.push(["direction", s.direction]);
  else out.push(["channel", s.channel]);
  if (s.kind === "neuron" && s.x !== null) out.push(["x", s.x]);
  if (s.kind === "neuron" && s.y !== null) out.push(["y", s.y]);
  out.push(["size", s.size], ["steps", s.steps], ["seed", s.seed]);
  // Only what would end or split the fragment is escaped: addresses are read by people.
  const escape = (text: string): string =>
    text.replace(/[%&+#=\s]/g, (c) => (c === " " ? "+" : `%${c.charCodeAt(0).toString(16).padStart(2, "0").toUpperCase()}`));
  return out.map(([key, value]) => `${key}=${escape(String(value))}`).join("&");
}
