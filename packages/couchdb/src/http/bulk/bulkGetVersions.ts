import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
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
import { post } from "./post.js"
import { rowFailure } from "./rowFailure.js"

const memberAt = (plain: unknown, ...path: ReadonlyArray<string | number>): unknown =>
  path.reduce<unknown>(
    (value, key) =>
      typeof value === "object" && value !== null ? (value as Record<string | number, unknown>)[key] : undefined,
    plain
  )

/** One version, or all leaves of a document if no revision is named. */
export interface Wanted {
  readonly id: string
  readonly rev?: Revision.Revision
}

/** A version on the server, with its ancestors. */
export interface Version {
  readonly path: Path
  readonly raw: RawDocument
}

/** The number of versions that one request reads. */
const maxVersions = 200

/** Reads versions: `POST /{db}/_bulk_get?revs=true`. Versions that do not exist are omitted. */
export const readVersions = (
  database: DatabaseName,
  wanted: ReadonlyArray<Wanted>
): Effect.Effect<ReadonlyArray<Version>, WireError, CouchHttp> =>
  Effect.map(
    Effect.forEach(
      Chunk.toReadonlyArray(Chunk.chunksOf(Chunk.fromIterable(wanted), maxVersions)),
      (part) =>
        Effect.flatMap(
          post(
            database,
            "_bulk_get",
            "?revs=true",
            { docs: Chunk.toReadonlyArray(part).map(({ id, rev }) => rev === undefined ? { id } : { id, rev }) },
            (json) => isBulkGet(json, Chunk.toReadonlyArray(part).map(({ id }) => id))
          ),
          (response) => versionsIn(database, response)
        )
    ),
    (parts) => parts.flat()
  )

/** The versions in a response, or the error of one that could not be read. Versions that do not exist are omitted. */
const versionsIn = (
  database: DatabaseName,
  { exact, plain, response }: ReadJson & { readonly response: BufferedResponse & FromServer }
): Either.Either<ReadonlyArray<Version>, WireError> => {
  const versions: Array<Version> = []
  for (const [i, result] of Json.elements(Json.get(exact, "results")).entries()) {
    for (const [j, doc] of Json.elements(Json.get(result, "docs")).entries()) {
      const ok = Json.get(doc, "ok")
      const problem = Json.get(doc, "error")
      if (problem !== undefined) {
        const failure = rowFailure(database, String(Json.get(result, "id")), problem, response)
        if (failure !== undefined) return Either.left(failure)
      }
      if (ok === undefined) continue
      const raw = documentOf({
        exact: ok,
        plain: exact === plain ? ok : memberAt(plain, "results", i, "docs", j, "ok")
      })
      if (Option.isSome(raw)) versions.push({ raw: raw.value, path: pathOf(raw.value) })
    }
  }
  return Either.right(versions)
}

/** The revision and its ancestors, from `_revisions`. */
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
