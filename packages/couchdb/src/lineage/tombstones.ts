import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { DatabaseName } from "../data/DatabaseName.js"
import * as DocumentId from "../data/DocumentId.js"
import { type InvalidIdError } from "../data/errors.js"
import * as Json from "../data/Json.js"
import { hashOf } from "../data/json/canonical.js"
import { documentPath } from "../data/path.js"
import type * as Revision from "../data/Revision.js"
import * as Database from "../database/Database.js"
import { type Collection } from "../document/Collection.js"
import type { Document, FetchError } from "../document/Document.js"
import { fetchBound } from "../document/read.js"
import type { Settings } from "../document/recorder.js"
import { bulkWrite, type RowResult } from "../http/bulk/bulkDocs.js"
import type { Version } from "../http/bulk/bulkGetVersions.js"
import type { WireError } from "../http/bulk/errors.js"
import { revisionText } from "../http/bulk/revisionText.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import { NotFoundError } from "../http/errors.js"
import { failWithServer } from "../http/failWithServer.js"
import { filesOf } from "../siblings/files.js"
import { makeTombstoneCache, readAllLeaves } from "../siblings/leaves.js"
import { textOf } from "../siblings/mergedVersion.js"
import { makeRecord } from "./journal.js"
import { buildIndex } from "./lineageIndex.js"
import { signed } from "./mac.js"
import { mergeRevision } from "./mergeRevision.js"
import type { MergeTombstone } from "./model.js"
import { lineageVersion } from "./olderVersions.js"
import { encodeRecord, retainedMembers } from "./record.js"
import { settings as defaultSettings } from "./settings.js"
import { stripTombstone } from "./stripping.js"

/**
 * A version that was merged into another one: the revision `into` which it was merged, its tombstone, and whether the
 * tombstone still keeps its body.
 *
 * @since 0.1.0
 * @category model
 */
export interface MergedVersion {
  readonly rev: Revision.Revision
  readonly into: Revision.Revision
  readonly tombstone: Revision.Revision
  readonly keepsBody: boolean
}

/**
 * The leaves of an erased document, whose bodies the next compaction removes from this database. `remaining` are leaves
 * that other clients wrote meanwhile: erase the document again to remove them.
 *
 * @since 0.1.0
 * @category model
 */
export interface Erased {
  readonly id: string
  readonly revisions: ReadonlyArray<Revision.Revision>
  readonly remaining: ReadonlyArray<Revision.Revision>
}

type Failure = NotFoundError | InvalidIdError | WireError

const settingsOf = <A, I, R, K>({ lineage }: Collection<A, I, R, K>): Settings => lineage ?? defaultSettings()

const notFound = (database: DatabaseName, id: string): Effect.Effect<never, NotFoundError> =>
  failWithServer((from) =>
    new NotFoundError({
      ...from,
      method: "POST",
      path: `${documentPath(database)}/_changes`,
      status: 200,
      error: "not_found",
      reason: "missing",
      database,
      id
    })
  )

/** Reads all leaves of a document, and indexes them. */
const readHistory = <A, I, R, K>(collection: Collection<A, I, R, K>, key: K) =>
  Effect.gen(function*() {
    const id = yield* DocumentId.decode(collection.id.encode(key))
    const versions = yield* readAllLeaves(collection.database, [id], makeTombstoneCache())
    if (versions.length === 0) return yield* notFound(collection.database, id)
    return { id, versions, index: buildIndex(settingsOf(collection), versions.map(lineageVersion)) }
  })

export const mergedVersions = <A, I, R, K>(
  collection: Collection<A, I, R, K>,
  key: K
): Effect.Effect<ReadonlyArray<MergedVersion>, Failure, CouchHttp> =>
  Effect.map(
    readHistory(collection, key),
    ({ index }) =>
      Array.from(index.mergeTombstones, ([tombstone, { content, into, of }]) => ({
        rev: of,
        into: into.rev,
        tombstone,
        keepsBody: content !== undefined
      }))
  )

/**
 * The index of the newest revision that a merged version shares with a live leaf by their paths alone, ignoring
 * records.
 */
const forkIndex = (path: ReadonlyArray<Revision.Revision>, versions: ReadonlyArray<Version>): number => {
  const live = new Set(versions.filter(({ raw }) => !raw.deleted).flatMap(({ path }) => path))
  return path.findIndex((rev, i) => i > 0 && live.has(rev))
}

export const restoreVersion = <A, I, R, K>(
  collection: Collection<A, I, R, K>,
  key: K,
  rev: Revision.Revision
): Effect.Effect<Document<A, R>, FetchError | WireError, CouchHttp | R> =>
  Effect.gen(function*() {
    const { database } = collection
    const settings = settingsOf(collection)
    const { id, index, versions } = yield* readHistory(collection, key)
    const tombstone = versions.find(({ raw }) => index.mergeTombstones.get(raw.rev)?.of === rev)
    const content = index.contents.get(rev)
    if (tombstone === undefined || content === undefined) return yield* notFound(database, id)
    const path = tombstone.path.slice(tombstone.path.indexOf(rev))
    const at = forkIndex(path, versions)
    const fork = at === -1 ? [] : path.slice(at)
    const parent = fork[0] ?? null
    const record = makeRecord(index, {
      kind: "edit",
      parent,
      also: [],
      content,
      deleted: false,
      // Restoring a version twice is the same edit.
      edit: hashOf(`unbury ${rev}`)
    })
    const body = Json.fromEntries([
      ...Json.entries(content.body),
      [settings.field, signed(settings, id, encodeRecord(record))] as const
    ])
    const stubs = Json.keys(content.files).length === 0 ? Option.none() : Option.some(content.files)
    const back = mergeRevision({ parent, heads: [rev], deleted: false, body, files: content.files })
    const text = yield* textOf(database, {
      id,
      path: [back, ...fork],
      raw: body,
      files: filesOf(tombstone.raw.rev, stubs),
      winner: back,
      deleted: false
    })
    yield* failIfRefused(yield* bulkWrite(database, [{ id, text }], { newEdits: false }))
    return yield* fetchBound(collection, id, { rev: back })
  })

/** Fails with the first refused row. A revision that exists already counts as stored. */
const failIfRefused = (results: ReadonlyArray<RowResult>): Effect.Effect<void, Failure> =>
  Effect.forEach(
    results,
    (result) => result._tag === "Refused" ? Effect.fail(result.error) : Effect.void,
    { discard: true }
  )

/**
 * A tombstone that extends another leaf, under a computed revision. CouchDB accepts no edit of a tombstone if the
 * document is deleted.
 */
const tombstoneOn = (
  { path, raw }: Version,
  settings: Settings,
  field: Json.JsonObject
): { readonly id: string; readonly text: string } => {
  const body = Json.fromEntries([
    ...retainedMembers(settings, raw.raw),
    [settings.field, signed(settings, raw.id, field)] as const
  ])
  const rev = mergeRevision({ parent: raw.rev, heads: [raw.rev], deleted: true, body, files: {} })
  return { id: raw.id, text: revisionText(raw.id, [rev, ...path], true, body) }
}

const hasBodies = (field: Json.Json | undefined): boolean =>
  Json.isObject(field) && ["doc", "path"].some((key) => {
    const value = Json.get(field, key)
    return value !== undefined && !(Json.isArray(value) && value.length === 0)
  })

const keepsBodies = ({ content, field }: MergeTombstone): boolean => content !== undefined || hasBodies(field)

/** Whether a leaf is a tombstone that contains only names, and the members that filters need. */
const isErased = ({ raw }: Version, { field, tombstone }: Settings): boolean =>
  raw.deleted && Option.isNone(raw.stubs) &&
  Json.keys(raw.raw).every((key) => key === field || tombstone.keep.includes(key)) &&
  !hasBodies(Json.get(raw.raw, field)) && !hasBodies(Json.get(Json.get(raw.raw, field), "field"))

export const stripTombstones = <A, I, R, K>(
  collection: Collection<A, I, R, K>,
  key: K
): Effect.Effect<number, Failure, CouchHttp> =>
  Effect.gen(function*() {
    const { index, versions } = yield* readHistory(collection, key)
    const settings = settingsOf(collection)
    const rows = versions.flatMap((version) => {
      const mergeTombstone = index.mergeTombstones.get(version.raw.rev)
      return mergeTombstone !== undefined && keepsBodies(mergeTombstone)
        ? [tombstoneOn(version, settings, stripTombstone(index, version.raw.id, mergeTombstone))]
        : []
    })
    yield* failIfRefused(yield* bulkWrite(collection.database, rows, { newEdits: false }))
    return rows.length
  })

/** The most times that a document is read again if other clients write it at the same time. */
const maxRounds = 5

export const erase = <A, I, R, K>(
  collection: Collection<A, I, R, K>,
  key: K
): Effect.Effect<Erased, Failure | Database.DatabaseFailure, CouchHttp> =>
  Effect.gen(function*() {
    const settings = { ...settingsOf(collection), keep: "names" as const }
    const erased: Array<Revision.Revision> = []
    for (let round = 0;; round++) {
      const { id, index, versions } = yield* readHistory(collection, key)
      const left = versions.filter((version) => !isErased(version, settings))
      if (left.length === 0 || round === maxRounds) {
        yield* Database.compact(collection.database)
        return { id, revisions: erased, remaining: left.map(({ raw }) => raw.rev) }
      }
      const rows = left.map((version) => {
        const { rev } = version.raw
        const mergeTombstone = index.mergeTombstones.get(rev)
        return tombstoneOn(
          version,
          settings,
          mergeTombstone !== undefined ? stripTombstone(index, id, mergeTombstone) : encodeRecord(
            makeRecord({ ...index, settings }, {
              kind: "delete",
              parent: rev,
              also: [],
              content: { body: {}, files: {} },
              deleted: true,
              edit: hashOf(`erase ${rev}`)
            })
          )
        )
      })
      yield* failIfRefused(yield* bulkWrite(collection.database, rows, { newEdits: false }))
      erased.push(...left.map(({ raw }) => raw.rev))
    }
  })
