/** Ids of readers' own models. */

const PREFIX = "own-";

/** The id of an own model is its content's, so that the same file is the same model. `sha256`: of the stored bytes, hex. */
export const ownId = (sha256: string): string => `${PREFIX}${sha256.slice(0, 12)}`;

/** Whether an id is that of an own model, of this browser or of another. */
export const isOwn = (id: string): boolean => id.startsWith(PREFIX);
