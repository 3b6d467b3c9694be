/** Progress of one download job: coalesced to one event per 50 ms, where a quiet spell begins with the last one; never awaited. */
import type { Progress } from "../api/engine";

const INTERVAL_MS = 50;

export interface Meter {
  /** `loadedBytes` never falls between two calls of `restart`. */
  download(loadedBytes: number): void;
  verify(doneBytes: number): void;
  /** What was made of the file is being written, of a length of its own. */
  keep(doneBytes: number, totalBytes: number): void;
  /** The file has to be fetched from its start again: the one place where progress falls. */
  restart(): void;
  /** Nothing is sent from here on. */
  close(): void;
}

/** A meter for a file of `totalBytes` (null: not known). A listener that throws or rejects is not heard and does no harm. */
export function meter(totalBytes: number | null, listener: (p: Progress) => void, now = () => performance.now()): Meter {
  let loaded = 0;
  let sentAt = -Infinity;
  let sentPhase: Progress["phase"] | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const sendNow = (p: Progress) => {
    sentAt = now();
    sentPhase = p.phase;
    try {
      Promise.resolve(listener(p) as unknown).catch(() => {}); // a Comlink proxy answers with a promise
    } catch {
      // the listener's own trouble
    }
  };
  const send = (p: Progress, complete: boolean) => {
    clearTimeout(timer);
    const wait = INTERVAL_MS - (now() - sentAt);
    if (complete || p.phase !== sentPhase || wait <= 0) sendNow(p);
    else timer = setTimeout(sendNow, wait, p); // a server that falls silent must not leave the last bytes untold
  };
  return {
    download(loadedBytes) {
      if (loadedBytes < loaded) return;
      loaded = loadedBytes;
      send({ phase: "download", loadedBytes, totalBytes }, loadedBytes === totalBytes);
    },
    verify(doneBytes) {
      send({ phase: "verify", doneBytes, totalBytes: totalBytes ?? doneBytes }, doneBytes === totalBytes);
    },
    keep(doneBytes, keptBytes) {
      send({ phase: "keep", doneBytes, totalBytes: keptBytes }, doneBytes === keptBytes);
    },
    restart() {
      loaded = 0;
      send({ phase: "download", loadedBytes: 0, totalBytes }, true);
    },
    close: () => clearTimeout(timer),
  };
}
