/** How numbers read on the page. */
import { sidesOf, type Preprocessing } from "../../onnx/preprocessing";

/** "28.0 MB", in powers of ten, as downloads are sold. */
export function bytes(count: number): string {
  if (count < 1000) return `${count} B`;
  if (count < 1e6) return `${Math.round(count / 1000)} kB`;
  if (count < 1e9) return `${(count / 1e6).toFixed(1)} MB`;
  return `${(count / 1e9).toFixed(2)} GB`;
}

/** "about 61 MB", "about 7.1 MB": two digits of a size that is an estimate. */
export function about(count: number): string {
  const [value, unit] = count < 1e6 ? [count / 1e3, "kB"] : count < 1e9 ? [count / 1e6, "MB"] : [count / 1e9, "GB"];
  return `about ${value < 10 ? value.toFixed(1) : value.toFixed(0)} ${unit}`;
}

/** "61 million", "1.2 million", "12,345". */
export function many(count: number): string {
  if (count < 1e6) return count.toLocaleString("en");
  const millions = count / 1e6;
  return `${millions < 10 ? millions.toFixed(1) : millions.toFixed(0)} million`;
}

/** What a network is fed, in words: "224 × 224 pixels, BGR from 0 to 255 less (104, 117, 123)". */
export function pictureInput(p: Preprocessing): string {
  const [height, width] = sidesOf(p);
  const ends = p.mean.map((mean, c) => [(0 - mean) / p.std[c]!, (p.range - mean) / p.std[c]!]);
  const [low, high] = ends[0]!;
  const alike = ends.every(([a, b]) => a === low && b === high);
  const values = (list: readonly number[]): string => `(${list.join(", ")})`;
  const range = alike
    ? `from ${figure(low!).replace(/\.0+$/, "")} to ${figure(high!).replace(/\.0+$/, "")}`
    : p.std.every((s) => s === 1)
      ? `from 0 to ${p.range} less ${values(p.mean)}`
      : `from 0 to ${p.range} less ${values(p.mean)}, over ${values(p.std)}`;
  return `${width} × ${height} pixels, ${p.channels} ${range}`;
}

/** Three significant digits, never in exponents below a million: "0.0123", "−4.56", "789", "12,345". */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return "not a number";
  if (value < 0) return `−${figure(-value)}`;
  const size = value;
  if (size !== 0 && (size < 1e-4 || size >= 1e6)) return value.toExponential(2);
  const digits = size === 0 ? 2 : Math.max(0, 2 - Math.floor(Math.log10(size)));
  return value.toLocaleString("en", { minimumFractionDigits: Math.min(digits, 6), maximumFractionDigits: Math.min(digits, 6) });
}

/** A weight as short as it can be said: "0.5", "2", "1,000". */
export const weightText = (value: number): string => value.toLocaleString("en", { maximumSignificantDigits: 3 });

/** "0.8 s", "12 s", "3 min 5 s". */
export function duration(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

/** A part of a file name: letters, digits, dots and dashes. */
export const slug = (text: string): string => text.replace(/[^A-Za-z0-9.-]+/g, "-").replace(/^-+|-+$/g, "");
