import * as Either from "effect/Either"
import * as Json from "../data/Json.js"
import { canonical } from "../data/json/canonical.js"
import type { Revision } from "../data/Revision.js"
import type { Rules } from "../siblings/SiblingPolicy.js"
import type { Graph, Missing } from "./graph.js"
import type { LineageIndex } from "./model.js"

/**
 * Whether a merge of heads is alive, by its newest edits and deletions. All of them are compared at once, because the
 * result must not depend on the order of merges.
 */
export const isAlive = (
  index: LineageIndex,
  graph: Graph,
  heads: ReadonlyArray<Revision>,
  rule: Rules["deleted"]
): Either.Either<boolean, Missing> => {
  const anyDeleted = heads.some((rev) => index.tombstoneKinds.get(rev) === "deletion")
  if (rule === "editWins" && !anyDeleted) return Either.right(true)
  const newest = graph.newestEdits(heads)
  if (!isList(newest)) return Either.left(newest)
  const deletions = newest.filter((rev) => graph.link(rev)?.kind === "delete")
  const edits = newest.filter((rev) => graph.link(rev)?.kind !== "delete")
  if (deletions.length === 0) return Either.right(true)
  if (edits.length === 0 || rule === "deleteWins") return Either.right(false)
  if (rule === "editWins") return Either.right(true)
  const contentOf = (rev: Revision): Either.Either<string, Missing> => {
    const content = index.contents.get(rev)
    return content === undefined
      ? Either.left({ rev, why: `the content of ${rev} is no longer on this server` })
      : Either.right(canonical([content.body, digests(content.files)]))
  }
  return Either.gen(function*() {
    const contents: Array<string> = []
    for (const edit of edits) contents.push(yield* contentOf(edit))
    for (const deletion of deletions) {
      const deleted = yield* contentOf(
        index.contents.has(deletion) ? deletion : graph.link(deletion)?.parent ?? deletion
      )
      if (contents.every((each) => each === deleted)) return false
    }
    return true
  })
}

const isList = (newest: ReadonlyArray<Revision> | Missing): newest is ReadonlyArray<Revision> => Array.isArray(newest)

const digests = (files: Json.JsonObject): Json.Json =>
  Json.fromEntries(
    Json.entries(files).map(([name, stub]) => [name, Json.isObject(stub) ? Json.get(stub, "digest") ?? null : null])
  )
