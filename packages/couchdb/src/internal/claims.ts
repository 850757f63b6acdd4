import type { WriteDocument } from "../CouchHttp.js"
import type { Revision } from "../Revision.js"

const most = 10_000

/**
 * Which write a revision belongs to. Two equal edits of one parent have one revision: the server takes the first and
 * refuses the second, and if the refusal is lost, the revision is there all the same. So each is given out once, for as
 * long as a call can take.
 */
export const makeClaims = () => {
  const taken = new Set<string>()
  return {
    /** Whether the revision was free; it is taken then. */
    take: ({ database, id }: WriteDocument, rev: Revision): boolean => {
      const key = `${rev} ${database} ${id}`
      if (taken.has(key)) return false
      taken.add(key)
      if (taken.size > most) {
        for (const oldest of taken) {
          taken.delete(oldest)
          break
        }
      }
      return true
    }
  }
}
