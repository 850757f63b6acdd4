import type { WriteDocument } from "../CouchHttp.js"
import type { Revision } from "../Revision.js"

/** More writes than a call can outlast. */
const most = 10_000

/**
 * Which write a revision belongs to. Two equal edits of one parent have one revision: the server takes the first and
 * refuses the second, and if the refusal is lost, the revision is there all the same. So each is given out once.
 */
export const makeClaims = () => {
  // The database of each revision that is taken, the oldest first.
  const taken = new Map<string, string>()
  return {
    /** Whether the revision was free; it is taken then. */
    take: ({ database, id }: WriteDocument, rev: Revision): boolean => {
      const key = `${rev} ${database} ${id}`
      if (taken.has(key)) return false
      taken.set(key, database)
      if (taken.size > most) {
        for (const oldest of taken.keys()) {
          taken.delete(oldest)
          break
        }
      }
      return true
    },
    /** The database is gone, and its revisions with it. */
    forget: (database: string): void => {
      for (const [key, of] of taken) if (of === database) taken.delete(key)
    }
  }
}
