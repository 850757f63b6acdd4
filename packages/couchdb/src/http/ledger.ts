import type { Revision } from "../data/Revision.js"
import type { Ledger, Service, WriteDocument } from "./CouchHttp.js"

/** More writes than a call can outlast, while bulk operations run beside it. */
const most = 20_000

/**
 * Which write a revision belongs to. Two equal edits of one parent have one revision: the server takes the first and
 * refuses the second, and if the refusal is lost, the revision is there all the same. So each is given out once.
 */
const makeClaims = (): Ledger["claims"] => {
  // The database of each revision that is taken. In two parts, since to find the oldest of one `Map` takes long.
  let older = new Map<string, string>()
  let newer = new Map<string, string>()
  return {
    take: ({ database, id }: WriteDocument, rev: Revision): boolean => {
      const key = `${rev} ${database} ${id}`
      if (newer.has(key) || older.has(key)) return false
      if (newer.size === most) {
        older = newer
        newer = new Map()
      }
      newer.set(key, database)
      return true
    },
    // The database is gone, and its revisions with it.
    forget: (database: string): void => {
      for (const taken of [older, newer]) {
        for (const [key, of] of taken) if (of === database) taken.delete(key)
      }
    }
  }
}

export const makeLedger = (): Ledger => ({ holds: new Map(), claims: makeClaims() })

/** That of the service, or one's own where it has none. */
export const ledgerOf = ({ ledger }: Service): Ledger => ledger ?? makeLedger()
