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

/** A version that stands, and the deletion that counts against it. */
export interface DeletedHead {
  readonly head: Version
  readonly deletion: Version
}

export type DeletionDecision =
  | { readonly _tag: "Clear"; readonly heads: ReadonlyArray<DeletedHead> }
  | { readonly _tag: "Unclear"; readonly unmerged: Unmerged }

const none: DeletionDecision = { _tag: "Clear", heads: [] }

/**
 * Which versions a deletion made apart from them takes along. Somebody who created the document again knew of its
 * deletion, whichever tombstone CouchDB put the new version on.
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
      return { _tag: "Clear", heads: heads.map((head) => ({ head, deletion })) }
    }
    const { id } = winner.raw
    const parents = new Set(deletions.flatMap(({ raw }) => history.parent(raw.rev) ?? []))
    const read = yield* readVersions(database, Array.from(parents, (rev) => ({ id, rev })))
    const before = new Map(read.map((version) => [version.raw.rev, version]))
    const doomed: Array<DeletedHead> = []
    for (const head of heads) {
      for (const deletion of deletions) {
        const parent = history.parent(deletion.raw.rev)
        if (parent === undefined) continue
        const deleted = before.get(parent)
        if (deleted === undefined) {
          return {
            _tag: "Unclear",
            unmerged: {
              _tag: "Unknown",
              why: `the version ${parent} that was deleted is not on this server any more`,
              clashes: []
            }
          }
        }
        if (hasSameContent(head, deleted)) {
          doomed.push({ head, deletion })
          break
        }
      }
    }
    return { _tag: "Clear", heads: doomed }
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

/** Whether a version stands on a tombstone. */
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

/** Whether the rule asks for deletions at all. */
export const needsDeletions = ({ deleted }: Rules): boolean => deleted !== "editWins"
