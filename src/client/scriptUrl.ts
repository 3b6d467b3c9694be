/**
 * Addresses of scripts, for pages that require Trusted Types (scripts/vite/csp.ts): workers and the service worker start from
 * addresses that passed here, and from no other string.
 */

/** The part of Trusted Types that is used; TypeScript's DOM does not know it yet. */
interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL(url: string): string },
  ): { createScriptURL(url: string): string /* a TrustedScriptURL, which DOM types take as a string */ };
}

const policy = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes?.createPolicy("micrographia", {
  createScriptURL: ours,
});

/** `url` (absolute, or relative to `base`) as a script's address. Throws a TypeError unless it is of the origin that this code came from. */
export function scriptUrl(url: string, base: string = import.meta.url): string {
  const whole = new URL(url, base).href;
  return policy ? policy.createScriptURL(whole) : ours(whole);
}

function ours(url: string): string {
  const home = new URL(import.meta.url);
  const { origin, protocol } = new URL(url);
  if (origin !== home.origin || protocol !== home.protocol)
    throw new TypeError(`A script was to come from ${url.slice(0, 80)}, but this app's scripts come from ${home.origin} only.`);
  return url;
}
