/**
 * Pictures that the reader gives: kept in memory and in this browser's IndexedDB, named by the SHA-256 of the file as it was given,
 * so that links and records can name them. They never leave the machine. Besides: pictures drawn by rule, and photos that come with the app.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { createStore, delMany, entries, set, type UseStore } from "idb-keyval";
import type { NamedPictures, Picture } from "../../api/engine";
import { isDrawn } from "../../vis/named";
import { testPicture } from "../../vis/testPictures";
import { f32Picture } from "./pixels";

/** The longest side that is kept, pixels: recipes draw no larger. */
const LONGEST = 1024;
/** Pictures kept; the oldest go first. */
export const KEPT = 24;
/** Pictures drawn by rule that are offered. */
export const DRAWN = Array.from({ length: 6 }, (_, i) => `drawn:${i}`);

/** Photos that come with the app, free of rights (public/pictures/SOURCES.txt). */
export const PHOTOS = [
  { name: "photo:cat", title: "a cat (Stefan van der Walt, CC0)", file: "cat.jpg" },
  { name: "photo:coffee", title: "a cup of coffee (Rachel Michetti, CC0)", file: "coffee.jpg" },
] as const;

/** A picture that cannot be read; the message says which and what to do. */
export class PictureError extends Error {
  override readonly name = "PictureError";
}

export interface KnownPicture {
  /** "sha256:...", or "drawn:0". */
  name: string;
  /** For people: the file's name. */
  title: string;
  picture: Picture;
}

interface Stored {
  blob: Blob;
  title: string;
  /** Milliseconds since 1970. */
  at: number;
}

/** From a file to pixels. */
export type Decode = (blob: Blob) => Promise<Picture>;

export class Pictures {
  /** The reader's own, newest first. */
  own = $state.raw<readonly KnownPicture[]>([]);
  /** Those that come with the app; none before `loadPhotos`. */
  photos = $state.raw<readonly KnownPicture[]>([]);
  readonly #decode: Decode;
  #store: UseStore | null = null;

  constructor(decode: Decode = decodeInBrowser) {
    this.#decode = decode;
  }

  /** Brings the photos that come with the app. Throws PictureError when they do not come. */
  async loadPhotos(): Promise<void> {
    if (this.photos.length) return;
    this.photos = await Promise.all(
      PHOTOS.map(async ({ name, title, file }) => {
        const url = `./pictures/${file}`;
        const response = await fetch(url).catch(() => null);
        if (!response?.ok)
          throw new PictureError(`${url} ${response ? `answered ${response.status}` : "could not be reached"}. Reload the page.`);
        return { name, title, picture: await this.#decode(await response.blob()) };
      }),
    );
  }

  /** Brings back what this browser has kept, and what `needed` names. Never rejects: a browser that keeps nothing has none. */
  async load(needed = ""): Promise<void> {
    if (needed.includes("photo:")) await this.loadPhotos().catch(() => {}); // what is missing is told where it is used
    try {
      this.#store = createStore("micrographia-pictures", "pictures");
      const kept = await entries<string, Stored>(this.#store);
      kept.sort(([, a], [, b]) => b.at - a.at);
      const known = await Promise.all(
        kept.slice(0, KEPT).map(async ([name, { blob, title }]) => ({ name, title, picture: await this.#decode(blob) })),
      );
      this.own = [...this.own, ...known.filter(({ name }) => !this.own.some((o) => o.name === name))];
      if (kept.length > KEPT)
        await delMany(
          kept.slice(KEPT).map(([name]) => name),
          this.#store,
        );
    } catch {
      this.#store = null; // blocked, or something else's data: pictures are kept for this visit
    }
  }

  /** Takes a picture in. Throws PictureError when it is none. */
  async add(blob: Blob, title: string): Promise<KnownPicture> {
    const name = `sha256:${bytesToHex(sha256(new Uint8Array(await blob.arrayBuffer())))}`;
    const picture = await this.#decode(blob).catch(() => {
      throw new PictureError(
        `${title} (${blob.type || "of unknown type"}) is no picture that this browser can read. Use PNG, JPEG or WebP.`,
      );
    });
    const known = { name, title, picture };
    this.own = [known, ...this.own.filter((other) => other.name !== name)];
    if (this.#store) await set(name, { blob, title, at: Date.now() } satisfies Stored, this.#store).catch(() => {});
    return known;
  }

  /** What `name` means here; null where it is not here. */
  find(name: string): KnownPicture | null {
    if (isDrawn(name)) return { name, title: titleOf(name), picture: drawn(name) };
    return [...this.photos, ...this.own].find((known) => known.name === name) ?? null;
  }

  /** For people: the file's name, "drawing 1", or the start of a fingerprint. */
  titleOf = (name: string): string => [...PHOTOS, ...this.own].find((known) => known.name === name)?.title ?? titleOf(name);

  /** The named pictures that have to be handed over; those drawn by rule need not. Names that are not here are in `missing`. */
  gather(names: readonly string[]): { pictures: NamedPictures; missing: string[] } {
    const given = names.filter((name, i) => !isDrawn(name) && names.indexOf(name) === i);
    const found = given.map((name) => [name, this.find(name)?.picture] as const);
    return {
      pictures: Object.fromEntries(found.filter((pair): pair is [string, Picture] => pair[1] !== undefined)),
      missing: found.flatMap(([name, picture]) => (picture ? [] : [name])),
    };
  }
}

const titleOf = (name: string): string =>
  isDrawn(name) ? `drawing ${Number(name.slice(6)) + 1}` : `a picture (${name.replace("sha256:", "").slice(0, 8)})`;

/** Side of a drawn picture as it is shown, pixels; the engine draws it at the size that it needs. */
const SHOWN = 96;
const drawings: Record<string, Picture> = {};
const drawn = (name: string): Picture =>
  (drawings[name] ??= f32Picture(testPicture([SHOWN, SHOWN], Number(name.slice("drawn:".length)))));

async function decodeInBrowser(blob: Blob): Promise<Picture> {
  const bitmap = await createImageBitmap(blob, { imageOrientation: "from-image" });
  const scale = Math.min(1, LONGEST / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [Math.max(1, Math.round(bitmap.width * scale)), Math.max(1, Math.round(bitmap.height * scale))];
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  if (!context) throw new PictureError("This browser gives no canvas to read pictures with.");
  context.fillStyle = "#808080"; // what is transparent counts as grey
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  return { width, height, rgba: context.getImageData(0, 0, width, height).data };
}
