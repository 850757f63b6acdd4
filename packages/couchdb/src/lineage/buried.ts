import type { Revision } from "../data/Revision.js"

/**
 * A version that was buried: where it lives on, the tombstone that keeps it, and whether that still has its body.
 *
 * @since 0.1.0
 * @category lineage
 */
export interface Buried {
  readonly rev: Revision
  readonly into: Revision
  readonly tombstone: Revision
  readonly keepsBody: boolean
}

/**
 * What was erased: the leaves, whose bodies are gone from this database once its compaction is through. `remaining` are
 * leaves that others wrote all the time while it was erased: run it again for them.
 *
 * @since 0.1.0
 * @category lineage
 */
export interface Erased {
  readonly id: string
  readonly revisions: ReadonlyArray<Revision>
  readonly remaining: ReadonlyArray<Revision>
}
