/** How numbers read on the page. */

/** "28.0 MB", in powers of ten, as downloads are sold. */
export function bytes(count: number): string {
  if (count < 1000) return `${count} B`;
  if (count < 1e6) return `${Math.round(count / 1000)} kB`;
  if (count < 1e9) return `${(count / 1e6).toFixed(1)} MB`;
  return `${(count / 1e9).toFixed(2)} GB`;
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

/** "0.8 s", "12 s", "3 min 5 s". */
export function duration(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

/** A part of a file name: letters, digits, dots and dashes. */
export const slug = (text: string): string => text.replace(/[^A-Za-z0-9.-]+/g, "-").replace(/^-+|-+$/g, "");
