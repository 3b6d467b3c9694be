/**
 * One file over HTTP, however often the connection drops: bytes in order, each exactly once.
 *
 * A drop, a stall or a busy server is tried again after a pause that doubles, from where the bytes ended (Range); the count of
 * tries starts afresh whenever bytes arrive. What cannot get better by waiting (404, a web page instead of a model, another
 * length) ends at once with a DownloadError that says where, what, both values and the cure.
 *
 * A server that ignores Range sends the file from its start: what is here already is skipped, unless its ETag says that the file
 * has changed, and then everything starts over ("restart"). If-Range goes to the page's own origin only, as it would make
 * other origins' requests need a preflight that most file hosts refuse.
 */
import { sniff } from "../onnx/sniff";
import { abortable, pause, within } from "./abort";
import { DownloadError, formatBytes, reasonOf } from "./errors";

export interface Patience {
  /** Tries without one new byte, before giving up. */
  tries: number;
  /** The same while not a single byte has ever come: the address may be wrong, and nobody wants to wait for that. */
  firstTries: number;
  /** Pause after the first failure, doubled after each further one up to `longestPauseMs`. */
  firstPauseMs: number;
  longestPauseMs: number;
  /** A connection without a byte for this long counts as dropped. */
  stallMs: number;
  /** Connections in all, progress or not. */
  connections: number;
}

export const patience: Patience = {
  tries: 6,
  firstTries: 3,
  firstPauseMs: 500,
  longestPauseMs: 8000,
  stallMs: 30_000,
  connections: 200,
};

export interface Wanted {
  /** How messages name the file: the model's id. */
  what: string;
  /** Absolute. */
  url: string;
  /** Length of the whole file, as the catalogue says. */
  bytes: number;
  /** Bytes that are here already. */
  from: number;
  /** Strong ETag that they came with, if any. */
  etag: string | null;
  sameOrigin: boolean;
  patience: Patience;
  signal: AbortSignal;
}

export type Arrival =
  | { kind: "bytes"; bytes: Uint8Array } // the next ones
  | { kind: "etag"; etag: string | null } // of what follows
  | { kind: "restart" }; // the next bytes are the file's first

/** A failure that another try may cure. */
class Setback extends Error {
  constructor(
    readonly kind: "unreachable" | "dropped" | "stalled" | "busy",
    message: string,
    readonly pauseMs = 0,
  ) {
    super(message);
  }
}

const BUSY = new Set([408, 425, 429, 500, 502, 503, 504]);
const ADVICE = "What has arrived is kept: try again, and it goes on from there.";

/** Yields the file's bytes from `wanted.from` to its end. Throws DownloadError, or the signal's reason. */
export async function* receive(wanted: Wanted): AsyncGenerator<Arrival, void> {
  const { bytes, signal } = wanted;
  const limits = wanted.patience;
  let at = wanted.from;
  let etag = wanted.etag;
  let useRange = true;
  let everMoved = at > 0;
  let failures = 0;
  for (let connection = 1; at < bytes; connection++) {
    let moved = false;
    let first = true;
    const controller = new AbortController();
    const stop = () => controller.abort(signal.reason);
    signal.throwIfAborted();
    signal.addEventListener("abort", stop, { once: true });
    let setback: Setback;
    try {
      const response = await ask(wanted, at, useRange ? etag : null, useRange, controller.signal);
      const seen = strongEtag(response);
      const changed = at > 0 && etag !== null && seen !== null && seen !== etag;
      if (changed && response.status !== 206) {
        at = 0;
        yield { kind: "restart" };
      } else if (changed) {
        useRange = false; // a part of another file: ask for all of it
        throw new Setback("dropped", `the file changed on the server (ETag ${etag}, now ${seen})`);
      }
      const begin = beginning(wanted, response, at);
      if (begin === null) {
        useRange = false;
        throw new Setback("dropped", `the server answered a request for bytes ${at} on with ${rangeAnswer(response)}`);
      }
      if (seen !== etag || connection === 1) yield { kind: "etag", etag: (etag = seen) };
      let skip = at - begin;
      for await (const chunk of body(response, limits.stallMs, signal)) {
        if (first && begin === 0) refusePage(wanted, response, chunk);
        first = false;
        const fresh = chunk.subarray(Math.min(skip, chunk.length));
        skip -= chunk.length - fresh.length;
        if (fresh.length === 0) continue;
        if (at + fresh.length > bytes) throw longer(wanted, at + fresh.length);
        at += fresh.length;
        moved = everMoved = true;
        yield { kind: "bytes", bytes: fresh };
      }
      if (at >= bytes) return;
      setback = new Setback("dropped", `the connection ended after ${at} of ${bytes} bytes`);
    } catch (e) {
      signal.throwIfAborted();
      if (at >= bytes && !(e instanceof DownloadError)) return; // everything came before the connection broke
      if (!(e instanceof Setback)) throw e;
      setback = e;
      if (e.kind === "unreachable" && at > 0 && failures >= 1 && !wanted.sameOrigin) useRange = false; // no CORS for Range there
    } finally {
      signal.removeEventListener("abort", stop);
      controller.abort();
    }
    failures = moved ? 1 : failures + 1;
    if (failures >= (everMoved ? limits.tries : limits.firstTries) || connection >= limits.connections)
      throw gaveUp(wanted, at, setback, failures);
    await pause(Math.max(setback.pauseMs, Math.min(limits.firstPauseMs * 2 ** (failures - 1), limits.longestPauseMs)), signal);
  }
}

/** One request. Throws Setback where another try may help, DownloadError where it cannot. */
async function ask(wanted: Wanted, at: number, etag: string | null, useRange: boolean, signal: AbortSignal): Promise<Response> {
  const { what, url, sameOrigin } = wanted;
  const headers: Record<string, string> = {};
  if (at > 0 && useRange) {
    headers["Range"] = `bytes=${at}-`;
    if (etag && sameOrigin) headers["If-Range"] = etag;
  }
  let response: Response;
  try {
    // no-store: the file goes into IndexedDB, and need not lie in the HTTP cache a second time
    const request = fetch(url, { headers, signal, cache: "no-store", credentials: "same-origin", referrerPolicy: "no-referrer" });
    response = await within(request, wanted.patience.stallMs, () => stalled(wanted));
  } catch (e) {
    signal.throwIfAborted();
    throw e instanceof Setback ? e : new Setback("unreachable", reasonOf(e));
  }
  if (response.ok || response.status === 416) return response;
  const answer = `${response.status} ${response.statusText}`.trim();
  if (BUSY.has(response.status)) throw new Setback("busy", answer, retryAfter(response));
  const cure =
    response.status === 404 || response.status === 410
      ? "It was moved, or never put there: choose another model, or tell whoever runs this page."
      : response.status === 401 || response.status === 403 || response.status === 451
        ? "The server gives it to nobody from here: choose another model, or drop the file on the page if you have it."
        : "The server is not set up to give it: choose another model, or tell whoever runs this page.";
  throw new DownloadError(`${what}: ${url} answered ${answer}, where the model file should be. ${cure}`);
}

/** The file position at which the answer's body begins; null when the answer makes no sense for what was asked. */
function beginning(wanted: Wanted, response: Response, at: number): number | null {
  const { bytes } = wanted;
  const range = /^bytes (?:(\d+)-(\d+)|\*)\/(\d+|\*)$/.exec(response.headers.get("Content-Range") ?? "");
  const total = range?.[3] && range[3] !== "*" ? Number(range[3]) : null;
  if ((response.status === 206 || response.status === 416) && total !== null && total !== bytes) throw otherLength(wanted, total);
  if (response.status === 416) return null;
  if (response.status === 206) {
    if (at === 0 && !range) return 0;
    const from = range?.[1] === undefined ? at : Number(range[1]); // other origins may hide the header: the digest decides
    return from === at ? at : null;
  }
  const declared = response.headers.get("Content-Length");
  if (declared !== null && wanted.sameOrigin && !response.headers.get("Content-Encoding") && Number(declared) !== bytes) {
    if (isPage(response)) throw page(wanted, response);
    throw otherLength(wanted, Number(declared));
  }
  return 0;
}

const rangeAnswer = (response: Response) =>
  `${response.status} and Content-Range ${JSON.stringify(response.headers.get("Content-Range") ?? "not given")}`;

/** The body's chunks; no chunk for `stallMs` is a Setback, as is a connection that breaks. */
async function* body(response: Response, stallMs: number, signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
  if (!response.body) return;
  const reader = response.body.getReader();
  const late = () => new Setback("stalled", `no byte in ${stallMs / 1000} s`);
  try {
    for (;;) {
      let chunk: ReadableStreamReadResult<Uint8Array>;
      try {
        chunk = await within(abortable(reader.read(), signal), stallMs, late);
      } catch (e) {
        signal.throwIfAborted();
        throw e instanceof Setback ? e : new Setback("dropped", reasonOf(e));
      }
      if (chunk.done) return;
      yield chunk.value;
    }
  } finally {
    reader.cancel().catch(() => {}); // already broken, or read to its end
  }
}

const stalled = ({ patience: { stallMs } }: Wanted) => new Setback("stalled", `no answer in ${stallMs / 1000} s`);

/** Only a strong ETag promises the same bytes. */
function strongEtag(response: Response): string | null {
  const etag = response.headers.get("ETag");
  return etag && !etag.startsWith("W/") ? etag : null;
}

/** Retry-After in whole seconds, at most half a minute. */
function retryAfter(response: Response): number {
  const seconds = Number(response.headers.get("Retry-After") ?? 0);
  return Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0), 30) * 1000 : 0;
}

const isPage = (response: Response) => /^\s*(text\/html|application\/xhtml)/i.test(response.headers.get("Content-Type") ?? "");

function refusePage(wanted: Wanted, response: Response, first: Uint8Array): void {
  if (isPage(response) || sniff(first) === "html") throw page(wanted, response);
}

const page = ({ what, url }: Wanted, response: Response) =>
  new DownloadError(
    `${what}: ${url} sent a web page (${response.headers.get("Content-Type") ?? "no content type"}), not a model file. ` +
      "A network that wants you to log in does this, or a host whose file is missing: open the address in a tab to see it, then try again.",
  );

const otherLength = ({ what, url, bytes }: Wanted, found: number) =>
  new DownloadError(
    `${what}: the file at ${url} has ${found} bytes, but the catalogue says ${bytes}. ` +
      "It is another file, or another version of it: reload the page for a newer catalogue, or choose another model.",
  );

const longer = ({ what, url, bytes }: Wanted, found: number) =>
  new DownloadError(
    `${what}: ${url} sent at least ${found} bytes, but the catalogue says ${bytes}. ` +
      "It is another file, or another version of it: reload the page for a newer catalogue, or choose another model.",
  );

/** The message once all tries are used up. */
function gaveUp({ what, url, bytes, patience: { stallMs } }: Wanted, at: number, setback: Setback, tries: number): DownloadError {
  const soFar = `${formatBytes(at)} of ${formatBytes(bytes)}`;
  const host = new URL(url).host;
  if (typeof navigator !== "undefined" && navigator.onLine === false)
    return new DownloadError(
      `${what}: this computer is offline, with ${soFar} downloaded. ${ADVICE} Models stored before work offline.`,
    );
  switch (setback.kind) {
    case "unreachable":
      return new DownloadError(
        `${what}: ${host} could not be reached, or does not let this page read ${url} (CORS): ${setback.message}; ${soFar} downloaded. ` +
          `Check the network, or a blocker that refuses ${host}. ${ADVICE}`,
      );
    case "stalled":
      return new DownloadError(
        `${what}: ${host} stopped sending: no byte for ${stallMs / 1000} s, ${tries} times, with ${soFar} downloaded. ${ADVICE}`,
      );
    case "busy":
      return new DownloadError(
        `${what}: ${host} answered ${setback.message} ${tries} times, with ${soFar} downloaded. It is overloaded or broken; wait a little. ${ADVICE}`,
      );
    case "dropped":
      return new DownloadError(
        `${what}: the download stopped half way, at ${at} of ${bytes} bytes, and ${tries} connections brought no more (${setback.message}). ` +
          `The server's file may be shorter than the catalogue says, or its connection bad. ${ADVICE}`,
      );
  }
}
