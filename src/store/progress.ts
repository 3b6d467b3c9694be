/** Progress of one download job: coalesced to one event per 50 ms, the last of a phase always sent, never awaited. */
import type { Progress } from "../api/engine";

const INTERVAL_MS = 50;

export interface Meter {
  /** `loadedBytes` never falls between two calls of `restart`. */
  download(loadedBytes: number): void;
  verify(doneBytes: number): void;
  /** The file has to be fetched from its start again: the one place where progress falls. */
  restart(): void;
}

/** A meter for a file of `totalBytes`. A listener that throws or rejects is not heard and does no harm. */
export function meter(totalBytes: number, listener: (p: Progress) => void, now = () => performance.now()): Meter {
  let loaded = 0;
  let sentAt = -Infinity;
  let sentPhase: Progress["phase"] | null = null;
  const send = (p: Progress, complete: boolean) => {
    const time = now();
    if (!complete && p.phase === sentPhase && time - sentAt < INTERVAL_MS) return;
    sentAt = time;
    sentPhase = p.phase;
    try {
      Promise.resolve(listener(p) as unknown).catch(() => {}); // a Comlink proxy answers with a promise
    } catch {
      // the listener's own trouble
    }
  };
  return {
    download(loadedBytes) {
      if (loadedBytes < loaded) return;
      loaded = loadedBytes;
      send({ phase: "download", loadedBytes, totalBytes }, loadedBytes === totalBytes);
    },
    verify(doneBytes) {
      send({ phase: "verify", doneBytes, totalBytes }, doneBytes === totalBytes);
    },
    restart() {
      loaded = 0;
      send({ phase: "download", loadedBytes: 0, totalBytes }, true);
    },
  };
}
