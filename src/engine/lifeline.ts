/** The worker's end of the lifeline (api/lifeline.ts). */

/** Holds the lock until this worker ends. */
export async function holdLock(name: string): Promise<boolean> {
  if (!("locks" in navigator)) return false;
  return new Promise<boolean>((resolve) => {
    navigator.locks
      .request(name, () => {
        resolve(true);
        return new Promise<never>(() => {});
      })
      .catch(() => resolve(false));
  });
}
