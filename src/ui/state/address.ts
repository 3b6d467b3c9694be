/** What the address bar says besides the settings of the picture in the middle: the one that it is compared with, in `compare=`. */
import { escaped, readLink, writeSettings, type Link, type Settings } from "./settings";

export interface Address extends Link {
  /** Of the picture beside the one in the middle; null where there is none. */
  compare: Settings | null;
}

/** Never throws: what cannot be followed is in `faults`. */
export function readAddress(hash: string, base?: Settings): Address {
  const { settings, faults } = readLink(hash, base);
  const text = new URLSearchParams(hash.replace(/^#/, "")).get("compare");
  if (text === null) return { settings, faults, compare: null };
  const other = readLink(text, settings);
  return {
    settings,
    compare: other.settings,
    faults: [...faults, ...other.faults.map((fault) => `In what it compares with, ${fault}`)],
  };
}

/** The fragment that leads back, without its "#". */
export function writeAddress({ settings, compare }: Pick<Address, "settings" | "compare">): string {
  const whole = writeSettings(settings);
  return compare ? `${whole}&compare=${escaped(writeSettings(compare))}` : whole;
}
