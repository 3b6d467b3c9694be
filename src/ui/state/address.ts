/**
 * What the address bar says besides the settings of the picture in the middle: the one that it is compared with, in `compare=`, or the
 * sheet that is in its place, in `sheet=`.
 */
import { messageOf } from "./machine";
import { escaped, readLink, writeSettings, type Link, type Settings } from "./settings";
import { readSheet, writeSheet, type SheetPlan } from "./sheetPlan";

export interface Address extends Link {
  /** Of the picture beside the one in the middle; null where there is none. */
  compare: Settings | null;
  sheet: SheetPlan | null;
}

/** Never throws: what cannot be followed is in `faults`. */
export function readAddress(hash: string, base?: Settings): Address {
  const { settings, faults } = readLink(hash, base);
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  const [compared, sheet] = [given.get("compare"), given.get("sheet")];
  if (sheet !== null) {
    try {
      return { settings, faults, compare: null, sheet: readSheet(sheet) };
    } catch (error) {
      return { settings, faults: [...faults, `In its sheet: ${messageOf(error)}`], compare: null, sheet: null };
    }
  }
  if (compared === null) return { settings, faults, compare: null, sheet: null };
  const other = readLink(compared, settings);
  const all = [...faults, ...other.faults.map((fault) => `In what it compares with, ${fault}`)];
  return { settings, compare: other.settings, faults: all, sheet: null };
}

/** The fragment that leads back, without its "#". */
export function writeAddress({ settings, compare, sheet }: Omit<Address, "faults">): string {
  const whole = writeSettings(settings);
  if (sheet) return `${whole}&sheet=${escaped(writeSheet(sheet))}`;
  return compare ? `${whole}&compare=${escaped(writeSettings(compare))}` : whole;
}
