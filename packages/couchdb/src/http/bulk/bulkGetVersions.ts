import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { DatabaseName } from "../../data/DatabaseName.js"
import * as Json from "../../data/Json.js"
import * as Revision from "../../data/Revision.js"
import type { Path } from "../../data/revisionPath.js"
import type { CouchHttp, FromServer, ReadJson } from "../CouchHttp.js"
import { documentOf, type RawDocument } from "../rawDocument.js"
import type { BufferedResponse } from "../Transport.js"
import { isBulkGet } from "../verification.js"
import type { WireError } from "./errors.js"
import { list, post } from "./post.js"
import { rowFailure } from "./rowFailure.js"

const at = (plain: unknown, ...path: ReadonlyArray<string | number>): unknown =>
  path.reduce<unknown>(
    (value, key) =>
      typeof value === "object" && value !== null ? (value as Record<string | number, unknown>)[key] : undefined,
    plain
  )

/** One version, or all of a document's leaves where no revision is named. */
export interface Wanted {
  readonly id: string
  readonly rev?: Revision.Revision
}

/** A version as the server has it, with its ancestors. */
export interface Version {
  readonly path: Path
  readonly raw: RawDocument
}

/** How many versions one request asks for. */
const atOnce = 200

/** Reads versions: `POST /{db}/_bulk_get?revs=true`. What is not there is left out. */
export const readVersions = (
  database: DatabaseName,
  wanted: ReadonlyArray<Wanted>
): Effect.Effect<ReadonlyArray<Version>, WireError, CouchHttp> =>
  Effect.map(
    Effect.forEach(
      Chunk.toReadonlyArray(Chunk.chunksOf(Chunk.fromIterable(wanted), atOnce)),
      (part) =>
        Effect.flatMap(
          post(
            database,
            "_bulk_get",
            "?revs=true",
            { docs: Chunk.toReadonlyArray(part).map(({ id, rev }) => rev === undefined ? { id } : { id, rev }) },
            (answer) => isBulkGet(answer, Chunk.toReadonlyArray(part).map(({ id }) => id))
          ),
          (answer) => {
            const failure = failureIn(database, answer)
            return failure === undefined ? Effect.succeed(versionsOf(answer)) : Effect.fail(failure)
          }
        )
    ),
    (parts) => parts.flat()
  )

/** Why a version could not be read, unless it is not there. */
const failureIn = (
  database: DatabaseName,
  { exact, response }: ReadJson & { readonly response: BufferedResponse & FromServer }
): WireError | undefined => {
  for (const result of list(Json.get(exact, "results"))) {
    for (const doc of list(Json.get(result, "docs"))) {
      const problem = Json.get(doc, "error")
      const failure = problem === undefined
        ? undefined
        : rowFailure(database, String(Json.get(result, "id")), problem, response)
      if (failure !== undefined) return failure
    }
  }
  return undefined
}

const versionsOf = ({ exact, plain }: ReadJson): ReadonlyArray<Version> =>
  list(Json.get(exact, "results")).flatMap((result, i) =>
    list(Json.get(result, "docs")).flatMap((doc, j) => {
      const ok = Json.get(doc, "ok")
      return ok === undefined ? [] : Option.toArray(
        Option.map(
          documentOf({ exact: ok, plain: exact === plain ? ok : at(plain, "results", i, "docs", j, "ok") }),
          (raw): Version => ({ raw, path: pathOf(raw) })
        )
      )
    })
  )

/** The revision and its ancestors, as `_revisions` tells them. */
export const pathOf = (leaf: RawDocument): Path => {
  const revisions = leaf.special("_revisions")
  const start = Json.get(revisions, "start")
  const ids = Json.get(revisions, "ids")
  const older = typeof start === "number" && Json.isArray(ids)
    ? ids.slice(1).flatMap((hash, i) => {
      const rev = `${start - 1 - i}-${String(hash)}`
      return Revision.isRevision(rev) ? [rev] : []
    })
    : []
  return [leaf.rev, ...older]
}
