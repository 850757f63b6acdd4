import type { Revision } from "./Revision.js"

/**
 * A revision and its ancestors, newest first.
 *
 * @since 0.1.0
 * @category siblings
 */
export type Path = readonly [Revision, ...ReadonlyArray<Revision>]
