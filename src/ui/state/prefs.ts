/** What the page remembers between visits besides the models. Storage that refuses is no reason to stop. */
import type { DeviceChoice } from "../../api/engine";
import type { WeightStorage } from "../../quantize/quantize";

const THEMES = ["auto", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];
const STORAGES: readonly WeightStorage[] = ["int8", "float16", "float32"];
const DEVICES: readonly DeviceChoice[] = ["auto", "webgpu", "wasm"];

export interface Prefs {
  /** The last choices, as a fragment (settings.ts). */
  last: string;
  device: DeviceChoice;
  theme: Theme;
  /** How the weights of large downloads are kept. */
  keep: WeightStorage;
}

const KEY = "micrographia.prefs";

export function readPrefs(): Prefs {
  const found = stored();
  return {
    last: typeof found.last === "string" ? found.last : "",
    device: DEVICES.find((device) => device === found.device) ?? "auto",
    theme: THEMES.find((theme) => theme === found.theme) ?? "auto",
    keep: STORAGES.find((keep) => keep === found.keep) ?? "int8",
  };
}

export function writePrefs(prefs: Prefs): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(prefs));
  } catch {
    // blocked or full: the next visit starts afresh
  }
}

/** Whatever lies under our key, as far as it is an object. */
function stored(): Partial<Record<keyof Prefs, unknown>> {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return typeof found === "object" && found !== null ? found : {};
  } catch {
    return {}; // blocked storage, or something else's value
  }
}
