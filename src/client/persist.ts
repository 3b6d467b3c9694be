/** Asks the browser to keep what is stored even when space runs short. In the page: workers cannot ask. */
const ASKED = "micrographia.persistAsked";

/**
 * To be called after a model has been verified. Asks at most once per browser, as some show a question to the reader.
 * Resolves to whether storage is persistent; never rejects.
 */
export async function persistOnce(): Promise<boolean> {
  try {
    if (await navigator.storage.persisted()) return true;
    if (localStorage.getItem(ASKED)) return false;
    localStorage.setItem(ASKED, "1");
    return await navigator.storage.persist();
  } catch {
    return false; // no storage manager (insecure page), or storage is blocked: there is nothing to keep
  }
}
