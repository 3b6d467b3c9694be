/** What the page and its service worker say to each other, and the names of what they both store. */

/** From the page: `take-over` makes a waiting version the running one; `isolation` asks, or sets when `on` is given. */
export type ToServiceWorker = { kind: "take-over" } | { kind: "isolation"; on?: boolean };

/**
 * Who makes the page cross-origin isolated, which gives WASM its threads: the host by its headers, this service worker, or nobody.
 * Answered to `isolation` on the message's port.
 */
export type Isolation = "host" | "worker" | "off";

/** Where ONNX Runtime's binaries are kept, for the app at `scope`: several may live on one origin. */
export const runtimeCache = (scope: string): string => `micrographia-runtime-${scope}`;

/** Where the service worker keeps what the reader chose for it. */
export const choicesCache = (scope: string): string => `micrographia-choices-${scope}`;
