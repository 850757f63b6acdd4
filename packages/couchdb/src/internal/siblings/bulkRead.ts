import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Path } from "../../Conflict.js"
import { CouchHttp, type CouchRequest } from "../../CouchHttp.js"
import type { DatabaseName } from "../../DatabaseName.js"
import * as Json from "../../Json.js"
import * as Revision from "../../Revision.js"
import * as Transport from "../../Transport.js"
import { type Both, documentOf, type RawDocument, readBoth } from "../document/raw.js"
import { documentPath } from "../documentPath.js"
import { notCouch } from "../notCouch.js"
import { unconflicted } from "../unconflicted.js"
import { member } from "../written.js"
import type { WireError } from "./wireError.js"

const post = (
  database: DatabaseName,
  endpoint: string,
  query: string,
  body: Json.Json
): Effect.Effect<Both & { readonly status: number }, WireError, CouchHttp> => {
  const request: CouchRequest = {
    method: "POST",
    path: `${documentPath(database)}/${endpoint}${query}`,
    route: `/{db}/${endpoint}`,
    database,
    body: Json.stringify(body),
    safe: true
  }
  return Effect.flatMap(
    CouchHttp,
    (couch) =>
      Effect.flatMap(
        unconflicted(couch.execute(request)),
        (response) =>
          Option.match(readBoth(Transport.text(response)), {
            onNone: () => Effect.fail(notCouch(request, response.status, "the answer is not JSON")),
            onSome: (both) => Effect.succeed({ ...both, status: response.status })
          })
      )
  )
}

/** A request whose answer is read; what is written by it may be repeated without harm. */
export { post as bulk }

const list = (json: Json.Json | undefined): ReadonlyArray<Json.Json> => Json.isArray(json) ? json : []

const at = (plain: unknown, ...path: ReadonlyArray<string | number>): unknown =>
  path.reduce<unknown>(
    (value, key) =>
      typeof value === "object" && value !== null ? (value as Record<string | number, unknown>)[key] : undefined,
    plain
  )

/** The revisions that stand, the winner first; none where the document is deleted, or never was. */
export interface Standing {
  readonly id: string
  readonly exists: boolean
  readonly live: ReadonlyArray<Revision.Revision>
}

/** Which versions of each document stand: `POST /{db}/_all_docs?include_docs=true&conflicts=true`. */
export const readStanding = (
  database: DatabaseName,
  ids: ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<Standing>, WireError, CouchHttp> =>
  Effect.map(
    post(database, "_all_docs", "?include_docs=true&conflicts=true", { keys: ids }),
    ({ exact }) =>
      list(member(exact, "rows")).map((row, i): Standing => {
        const doc = member(row, "doc")
        const rev = member(doc, "_rev")
        const conflicts = list(member(doc, "_conflicts")).filter(Revision.isRevision)
        return {
          id: ids[i] ?? "",
          exists: member(row, "error") === undefined,
          live: Revision.isRevision(rev) ? [rev, ...conflicts] : []
        }
      })
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
        Effect.map(
          post(database, "_bulk_get", "?revs=true", {
            docs: Chunk.toReadonlyArray(part).map(({ id, rev }) => rev === undefined ? { id } : { id, rev })
          }),
          versionsOf
        )
    ),
    (parts) => parts.flat()
  )

const versionsOf = ({ exact, plain }: Both): ReadonlyArray<Version> =>
  list(member(exact, "results")).flatMap((result, i) =>
    list(member(result, "docs")).flatMap((doc, j) => {
      const ok = member(doc, "ok")
      return ok === undefined ? [] : Option.toArray(
        Option.map(
          documentOf(ok, exact === plain ? ok : at(plain, "results", i, "docs", j, "ok")),
          (raw): Version => ({ raw, path: pathOf(raw) })
        )
      )
    })
  )

/** The revision and its ancestors, as `_revisions` tells them. */
export const pathOf = (leaf: RawDocument): Path => {
  const revisions = leaf.special("_revisions")
  const start = member(revisions, "start")
  const ids = member(revisions, "ids")
  const older = typeof start === "number" && Json.isArray(ids)
    ? ids.slice(1).flatMap((hash, i) => {
      const rev = `${start - 1 - i}-${String(hash)}`
      return Revision.isRevision(rev) ? [rev] : []
    })
    : []
  return [leaf.rev, ...older]
}

/** Which of the revisions the server knows: `POST /{db}/_revs_diff`. */
export const readKnown = (
  database: DatabaseName,
  asked: ReadonlyArray<readonly [id: string, rev: Revision.Revision]>
): Effect.Effect<(id: string, rev: Revision.Revision) => boolean, WireError, CouchHttp> => {
  if (asked.length === 0) return Effect.succeed(() => true)
  const byId = new Map<string, Array<Revision.Revision>>()
  for (const [id, rev] of asked) byId.set(id, [...(byId.get(id) ?? []), rev])
  return Effect.map(
    post(database, "_revs_diff", "", Json.fromEntries(byId)),
    ({ exact }) => (id, rev) => !list(member(member(exact, id), "missing")).includes(rev)
  )
}
