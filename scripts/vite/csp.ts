/**
 * The page's Content Security Policy, written into every HTML page of a build as its first <meta>: a static host needs no headers for it.
 *
 * Nothing inline, nothing evaluated but WebAssembly, no script or style of another origin. Models come from whatever https address
 * the reader names. Strings become script addresses by the one policy of src/client/scriptUrl.ts alone; Svelte's own policy passes the
 * templates that its compiler made. Development is left alone: Vite's reloading needs what this forbids.
 */
import type { Plugin } from "vite";

/** What each directive allows; an empty list is `'none'`. */
export const POLICY: Record<string, readonly string[]> = {
  "default-src": [],
  "script-src": ["'self'", "'wasm-unsafe-eval'"],
  "style-src": ["'self'"],
  "img-src": ["'self'", "data:", "blob:"],
  "media-src": ["'self'", "blob:"],
  "connect-src": ["'self'", "https:", "data:", "blob:"],
  "worker-src": ["'self'"],
  "manifest-src": ["'self'"],
  "base-uri": [],
  "form-action": [],
  "require-trusted-types-for": ["'script'"],
  "trusted-types": ["micrographia", "svelte-trusted-html"],
};

/** The policy as the header or the <meta> says it. */
export const policyText = (policy: Record<string, readonly string[]> = POLICY): string =>
  Object.entries(policy)
    .map(([directive, sources]) => `${directive} ${sources.join(" ") || "'none'"}`)
    .join("; ");

export function contentSecurityPolicy(): Plugin {
  return {
    name: "content-security-policy",
    apply: "build",
    transformIndexHtml: {
      order: "post",
      handler: () => [
        { tag: "meta", attrs: { "http-equiv": "Content-Security-Policy", content: policyText() }, injectTo: "head-prepend" },
      ],
    },
  };
}
