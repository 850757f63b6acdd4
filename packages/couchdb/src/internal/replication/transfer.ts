import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Change } from "../../Changes.js"
import { CouchHttp, type CouchRequest } from "../../CouchHttp.js"
import * as DatabaseName from "../../DatabaseName.js"
import * as DocumentId from "../../DocumentId.js"
import * as Json from "../../Json.js"
import type { Endpoint, Failure } from "../../Replication.js"
import * as Revision from "../../Revision.js"
import { bulkWrite } from "../bulk/docs.js"
import { list, post } from "../bulk/post.js"
import type { WireError } from "../bulk/wireError.js"
import { documentPath, documentRoute } from "../documentPath.js"
import { notCouch } from "../notCouch.js"
import { defaultRetry, isTransient } from "../transient.js"
import { unconflicted } from "../unconflicted.js"
import { member } from "../written.js"

/** One revision that the target lacks. */
interface Missing {
  readonly id: string
  readonly rev: Revision.Revision
}

/** What became of a batch. */
export interface Transferred {
  readonly checked: number
  readonly found: number
  readonly read: number
  readonly written: number
  readonly failures: ReadonlyArray<Failure>
}

const on = <A, E>({ couch }: Endpoint, effect: Effect.Effect<A, E, CouchHttp>): Effect.Effect<A, E> =>
  Effect.provideService(effect, CouchHttp, couch)

const missingAt = (target: Endpoint, changes: ReadonlyArray<Change<unknown>>): Effect.Effect<
  ReadonlyArray<Missing>,
  WireError
> => {
  const byId = new Map<string, ReadonlyArray<Revision.Revision>>()
  for (const { id, revisions } of changes) byId.set(id, [...(byId.get(id) ?? []), ...revisions])
  return Effect.map(
    on(target, post(DatabaseName.make(target.database), "_revs_diff", "", Json.fromEntries(byId))),
    ({ exact }) =>
      Array.from(byId.keys()).flatMap((id) =>
        list(member(member(exact, id), "missing")).filter(Revision.isRevision).map((rev) => ({ id, rev }))
      )
  )
}

/** A version as `_bulk_get` gave it, exact to the digit. */
interface Version extends Missing {
  readonly json: Json.JsonObject
}

/** What is not there any more was compacted away, and its successor comes with a later change. */
const readAll = (
  source: Endpoint,
  wanted: ReadonlyArray<Missing>,
  attachments: boolean
): Effect.Effect<ReadonlyArray<Version>, WireError> => {
  if (wanted.length === 0) return Effect.succeed([])
  const database = DatabaseName.make(source.database)
  const query = `?revs=true${attachments ? "&attachments=true" : ""}`
  return Effect.flatMap(
    on(source, post(database, "_bulk_get", query, { docs: wanted.map(({ id, rev }) => ({ id, rev })) })),
    ({ exact, status }) =>
      Effect.map(
        Effect.forEach(
          list(member(exact, "results")).flatMap((result) => list(member(result, "docs"))),
          (doc): Effect.Effect<ReadonlyArray<Version>, WireError> => {
            const json = member(doc, "ok")
            const id = member(json, "_id")
            const rev = member(json, "_rev")
            if (Json.isObject(json) && typeof id === "string" && Revision.isRevision(rev)) {
              return Effect.succeed([{ id, rev, json }])
            }
            const error = member(member(doc, "error"), "error")
            return error === "not_found" ? Effect.succeed([]) : Effect.fail(
              notCouch(
                { method: "POST", path: `${documentPath(database)}/_bulk_get${query}`, database },
                status,
                `a version could not be read (${String(error)})`
              )
            )
          }
        ),
        (versions) => versions.flat()
      )
  )
}

/** Bytes of the attachments that a version names. */
const weight = ({ json }: Version): number => {
  const stubs = member(json, "_attachments")
  return Json.isObject(stubs)
    ? Json.entries(stubs).reduce((sum, [, stub]) => {
      const length = member(stub, "length")
      return sum + (typeof length === "number" ? length : Infinity)
    }, 0)
    : 0
}

const hasAttachments = ({ json }: Version): boolean => Json.has(json, "_attachments")

/** Attachments up to so many bytes come within the JSON of their document, those of a request together too. */
const light = { each: 64 * 1024, together: 2 * 1024 * 1024 }

const groups = (versions: ReadonlyArray<Version>): ReadonlyArray<ReadonlyArray<Version>> => {
  const all: Array<Array<Version>> = []
  let size = Infinity
  for (const version of versions) {
    size += weight(version)
    const last = all[all.length - 1]
    if (last === undefined || size > light.together) {
      all.push([version])
      size = weight(version)
    } else last.push(version)
  }
  return all
}

const writeAll = (
  target: Endpoint,
  versions: ReadonlyArray<Version>
): Effect.Effect<ReadonlyArray<Failure>, WireError> =>
  Effect.map(
    on(
      target,
      bulkWrite(
        DatabaseName.make(target.database),
        versions.map(({ id, json }) => ({ id, text: Json.stringify(json) })),
        { newEdits: false }
      )
    ),
    (results) =>
      results.flatMap((result, i) => {
        const { id, rev } = versions[i] as Version
        return result._tag === "Stored" ? [] : [{ id, rev, error: result.error }]
      })
  )

/** A document with its attachments, straight from one side to the other: nothing of it is kept. */
const pass = (
  source: Endpoint,
  target: Endpoint,
  { id, rev }: Missing & { readonly id: DocumentId.DocumentId }
): Effect.Effect<ReadonlyArray<Failure>, WireError> =>
  Effect.gen(function*() {
    const about = { route: documentRoute(id), id }
    const read: CouchRequest = {
      method: "GET",
      path: `${documentPath(DatabaseName.make(source.database), id)}?rev=${encodeURIComponent(rev)}` +
        "&revs=true&attachments=true&att_encoding_info=true",
      database: source.database,
      headers: { accept: "multipart/related" },
      ...about
    }
    const response = yield* unconflicted(source.couch.stream(read))
    yield* unconflicted(target.couch.execute({
      method: "PUT",
      path: `${documentPath(DatabaseName.make(target.database), id)}?new_edits=false`,
      database: target.database,
      headers: { "content-type": response.headers["content-type"] ?? "application/json" },
      body: response.body,
      ...about
    }))
    return []
  }).pipe(
    Effect.scoped,
    Effect.retry({ schedule: defaultRetry, while: isTransient }),
    Effect.catchAll((error): Effect.Effect<ReadonlyArray<Failure>, WireError> =>
      ofTheDocument.has(error._tag)
        ? Effect.succeed([{ id, rev, error }])
        : Effect.fail(error)
    )
  )

/** What keeps one version from being stored, and no other. */
const ofTheDocument = new Set<string>([
  "ForbiddenError",
  "UnauthorizedError",
  "PayloadTooLargeError",
  "BadRequestError"
])

/** Carries over what the target lacks of a batch of changes. All of it may be repeated. */
export const transfer = (
  source: Endpoint,
  target: Endpoint,
  changes: ReadonlyArray<Change<unknown>>
): Effect.Effect<Transferred, WireError> =>
  Effect.gen(function*() {
    const checked = changes.reduce((sum, { revisions }) => sum + revisions.length, 0)
    const missing = changes.length === 0 ? [] : yield* missingAt(target, changes)
    const versions = yield* readAll(source, missing, false)
    const bare = versions.filter((version) => !hasAttachments(version))
    const isLarge = (version: Version): version is Version & { readonly id: DocumentId.DocumentId } =>
      // An id that no path can say goes within JSON, however large its attachments are.
      weight(version) > light.each && DocumentId.isDocumentId(version.id)
    const small = versions.filter((version) => hasAttachments(version) && !isLarge(version))
    const large = versions.filter(isLarge)
    const failures = [
      ...(yield* writeAll(target, bare)),
      ...(yield* Effect.forEach(groups(small), (group) =>
        Effect.flatMap(readAll(source, group, true), (whole) => writeAll(target, whole)))).flat(),
      ...(yield* Effect.forEach(large, (version) =>
        pass(source, target, version), { concurrency: 2 })).flat()
    ]
    return {
      checked,
      found: missing.length,
      read: versions.length,
      written: versions.length - failures.length,
      failures
    }
  })

/** Nothing of the option is lost where there is none. */
export const sequenceText = (sequence: Json.Json | undefined): string | undefined =>
  Option.getOrUndefined(
    Option.map(
      Option.filter(Option.fromNullable(sequence), (value) => value !== 0),
      (value) => typeof value === "string" ? value : Json.stringify(value)
    )
  )
