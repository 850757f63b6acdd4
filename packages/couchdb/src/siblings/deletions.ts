import * as Effect from "effect/Effect"
import type { DatabaseName } from "../data/DatabaseName.js"
import * as Json from "../data/Json.js"
import { readRaw } from "../document/read.js"
import { readVersions, type Version } from "../http/bulk/bulkGetVersions.js"
import type { WireError } from "../http/bulk/errors.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import type { Unmerged } from "./pairMerge.js"
import type { Rules } from "./SiblingPolicy.js"
import type { Structure } from "./structure.js"

/** A live version, and the deletion that deletes it by the rule. */
export interface DeletedHead {
  readonly head: Version
  readonly deletion: Version
}

export type DeletionDecision =
  | { readonly _tag: "Decided"; readonly heads: ReadonlyArray<DeletedHead> }
  | { readonly _tag: "Undecided"; readonly unmerged: Unmerged }

const none: DeletionDecision = { _tag: "Decided", heads: [] }

/**
 * Determines which live versions are deleted by deletions that were made independently. A re-created document is not
 * deleted, because its author knew of the deletion, regardless of the tombstone that CouchDB chose as the parent.
 */
export const decideDeletions = (
  database: DatabaseName,
  { deletions, heads, history }: Structure,
  rules: Rules
): Effect.Effect<DeletionDecision, WireError, CouchHttp> =>
  Effect.gen(function*() {
    const [deletion] = deletions
    const [winner] = heads
    if (rules.deleted === "editWins" || deletion === undefined || winner === undefined) return none
    if (yield* wasRecreated(database, winner)) return none
    if (rules.deleted === "deleteWins") {
      return { _tag: "Decided", heads: heads.map((head) => ({ head, deletion })) }
    }
    const { id } = winner.raw
    const parents = new Set(deletions.flatMap(({ raw }) => history.parent(raw.rev) ?? []))
    const read = yield* readVersions(database, Array.from(parents, (rev) => ({ id, rev })))
    const before = new Map(read.map((version) => [version.raw.rev, version]))
    const deletedHeads: Array<DeletedHead> = []
    for (const head of heads) {
      for (const deletion of deletions) {
        const parent = history.parent(deletion.raw.rev)
        if (parent === undefined) continue
        const deleted = before.get(parent)
        if (deleted === undefined) {
          return {
            _tag: "Undecided",
            unmerged: {
              _tag: "Unknown",
              why: `the deleted version ${parent} is no longer on this server`,
              clashes: []
            }
          }
        }
        if (hasSameContent(head, deleted)) {
          deletedHeads.push({ head, deletion })
          break
        }
      }
    }
    return { _tag: "Decided", heads: deletedHeads }
  })

const hasSameContent = (self: Version, that: Version): boolean =>
  Json.equals(self.raw.raw, that.raw.raw) &&
  Json.equals(digests(self), digests(that))

const digests = ({ raw }: Version): Json.JsonObject =>
  Json.fromEntries(
    (raw.stubs._tag === "Some" ? Json.entries(raw.stubs.value) : []).map(([name, stub]) => [
      name,
      Json.get(stub, "digest") ?? null
    ])
  )

/** Whether the path of a version contains a tombstone. */
const wasRecreated = (
  database: DatabaseName,
  winner: Version
): Effect.Effect<boolean, WireError, CouchHttp> =>
  readRaw(database, winner.raw.id, "?revs_info=true").pipe(
    Effect.map((raw) => {
      const history = raw.special("_revs_info")
      return raw.rev === winner.raw.rev && Json.isArray(history) &&
        history.some((entry) => Json.get(entry, "status") === "deleted")
    }),
    Effect.catchTags({ NotFoundError: () => Effect.succeed(false), InvalidIdError: () => Effect.succeed(false) })
  )

/** Whether the rule depends on deletions. */
export const needsDeletions = ({ deleted }: Rules): boolean => deleted !== "editWins"
