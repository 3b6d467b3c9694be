/**
 * What the address bar says besides the settings of the picture: which view is open, in `view=`, and what that view keeps there, in `with=`;
 * the picture that the one in the middle is compared with, in `compare=`, or the sheet that is in its place, in `sheet=`.
 */
import { DRAW, VIEWS } from "../views";
import { messageOf } from "./machine";
import { escaped, readLink, shownText, writeSettings, type Link, type Settings } from "./settings";
import { readSheet, writeSheet, type SheetPlan } from "./sheetPlan";

export interface Address extends Link {
  /** One of VIEWS. */
  view: string;
  /** The view's own text, read and checked by the view; null where it has none. */
  details: string | null;
  /** Of the picture beside the one in the middle; null where there is none. */
  compare: Settings | null;
  sheet: SheetPlan | null;
}

/** Never throws: what cannot be followed is in `faults`. */
export function readAddress(hash: string, base?: Settings): Address {
  const { settings, faults } = readLink(hash, base);
  const address: Address = { settings, faults, view: DRAW, details: null, compare: null, sheet: null };
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  const [view, compared, sheet] = [given.get("view"), given.get("compare"), given.get("sheet")];
  if (view !== null && view !== DRAW) {
    if (VIEWS.some(({ id }) => id === view)) return { ...address, view, details: given.get("with") };
    const known = VIEWS.map(({ id }) => id).join(", ");
    address.faults = [...faults, `view is ${shownText(view)}; this version knows ${known}.`];
  }
  if (sheet !== null) {
    try {
      return { ...address, sheet: readSheet(sheet) };
    } catch (error) {
      return { ...address, faults: [...address.faults, `In its sheet: ${messageOf(error)}`] };
    }
  }
  if (compared === null) return address;
  const other = readLink(compared, settings);
  const all = [...address.faults, ...other.faults.map((fault) => `In what it compares with, ${fault}`)];
  return { ...address, compare: other.settings, faults: all };
}

/** The fragment that leads back, without its "#". */
export function writeAddress({ settings, view, details, compare, sheet }: Omit<Address, "faults">): string {
  const whole = writeSettings(settings);
  if (view !== DRAW) return `${whole}&view=${escaped(view)}${details === null ? "" : `&with=${escaped(details)}`}`;
  if (sheet) return `${whole}&sheet=${escaped(writeSheet(sheet))}`;
  return compare ? `${whole}&compare=${escaped(writeSettings(compare))}` : whole;
}
