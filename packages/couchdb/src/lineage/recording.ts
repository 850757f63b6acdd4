import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type { DatabaseName } from "../data/DatabaseName.js"
import { InvalidIdError } from "../data/errors.js"
import * as Json from "../data/Json.js"
import * as Revision from "../data/Revision.js"
import { rawOf } from "../document/base.js"
import type { CurrentRevision } from "../document/errors.js"
import type { Recorded, Recorder, Writing } from "../document/recorder.js"
import { withoutLineage } from "../document/recorder.js"
import type { Settings } from "../document/recorder.js"
import { bulkWrite } from "../http/bulk/bulkDocs.js"
import { readVersions } from "../http/bulk/bulkGetVersions.js"
import type { WireError } from "../http/bulk/errors.js"
import { revisionText } from "../http/bulk/revisionText.js"
import type { CouchHttp, Written } from "../http/CouchHttp.js"
import { makeTombstoneCache, readAllLeaves } from "../siblings/leaves.js"
import { makeRecord } from "./journal.js"
import { buildIndex } from "./lineageIndex.js"
import { signed } from "./mac.js"
import { mergeRevision } from "./mergeRevision.js"
import type { LineageIndex } from "./model.js"
import { lineageVersion, readIndex } from "./olderVersions.js"
import { encodeRecord, retainedMembers, withoutField } from "./record.js"
import { isEnabled } from "./rules.js"

/** Distinguishes two edits with equal content. */
const editId: Effect.Effect<string> = Effect.map(
  Effect.replicateEffect(Random.nextIntBetween(0, 0x1_0000_0000), 3),
  (parts) => parts.map((part) => part.toString(16).padStart(8, "0")).join("")
)

/** Rejects design and local documents, whose siblings are never merged. */
const rejectReserved = ({ database, id }: Writing): Effect.Effect<void, InvalidIdError> =>
  id.startsWith("_design/") || id.startsWith("_local/")
    ? Effect.fail(
      new InvalidIdError({
        kind: "document",
        value: id,
        problem: `has no lineage: write it through a collection of ${JSON.stringify(database)} without lineage`
      })
    )
    : Effect.void

/** What a new revision extends. A write that re-creates a document extends all its deletions. */
interface Predecessor {
  readonly index: LineageIndex
  readonly parent: Revision.Revision | null
  readonly also: ReadonlyArray<Revision.Revision>
  readonly over: Option.Option<CurrentRevision>
  /** The tombstone that a re-created document extends, and its ancestors. */
  readonly tombstonePath?: ReadonlyArray<Revision.Revision>
}

const predecessorOfCreation = (
  settings: Settings,
  { database, id }: Writing
): Effect.Effect<Predecessor, WireError, CouchHttp> =>
  Effect.map(readAllLeaves(database, [id], makeTombstoneCache()), (leaves): Predecessor => {
    const index = buildIndex(settings, leaves.map(lineageVersion))
    const none: Predecessor = { index, parent: null, also: [], over: Option.none() }
    // The document exists, so the server refuses the creation.
    if (leaves.some(({ raw }) => !raw.deleted)) return none
    const isDeletion = (rev: Revision.Revision): boolean =>
      isEnabled(settings, "recreation") && index.tombstoneKinds.get(rev) === "deletion"
    const rank = (rev: Revision.Revision): number => isDeletion(rev) ? 1 : 0
    const [first, ...rest] = leaves.map(({ raw }) => raw.rev).sort((a, b) => rank(b) - rank(a) || Revision.Order(b, a))
    return first === undefined ? none : {
      index,
      parent: first,
      also: rest.filter(isDeletion),
      over: Option.none(),
      tombstonePath: leaves.find(({ raw }) => raw.rev === first)?.path ?? [first]
    }
  })

const predecessorOfEdit = (
  settings: Settings,
  { base, database, id }: Writing,
  current: CurrentRevision
): Effect.Effect<Predecessor, WireError, CouchHttp> =>
  Effect.gen(function*() {
    const { rev } = current
    const read = Option.filter(base, (base) => base.rev === rev)
    const versions = Option.isSome(read)
      ? [{
        id,
        rev,
        path: [rev],
        deleted: false,
        body: rawOf(read.value),
        files: Option.getOrElse(read.value.stubs, (): Json.JsonObject => ({}))
      }]
      : (yield* readVersions(database, [{ id, rev }])).map(lineageVersion)
    // A record describes the whole history, so older versions are read only for a foreign edit.
    const index = yield* readIndex(database, id, settings, versions, [rev], () => [])
    return { index, parent: rev, also: [], over: Option.some(current) }
  })

/** Adds the record of its history to the body of a write. */
const withRecord = (
  settings: Settings,
  writing: Writing
): Effect.Effect<Recorded, InvalidIdError | WireError, CouchHttp> =>
  Effect.gen(function*() {
    yield* rejectReserved(writing)
    const { database, id, kind, over, raw, remains = {} } = writing
    const before = yield* Option.match(over, {
      onNone: () => predecessorOfCreation(settings, writing),
      onSome: (current) => predecessorOfEdit(settings, writing, current)
    })
    const deleted = kind === "delete"
    const current = before.parent === null ? undefined : before.index.contents.get(before.parent)
    // A deletion deletes the current revision, which may differ from the one that was read.
    const body = deleted && current !== undefined ? current.body : withoutField(raw, settings.field)
    const record = makeRecord(before.index, {
      kind,
      parent: before.parent,
      also: before.also,
      content: {
        body,
        files: writing.files ?? Option.getOrElse(
          Option.flatMap(before.over, ({ stubs }) => stubs),
          (): Json.JsonObject => ({})
        )
      },
      deleted,
      edit: isEnabled(settings, "editIds") ? yield* editId : undefined
    })
    const { also, tombstonePath, parent } = before
    const stored = Json.fromEntries([
      ...(deleted
        ? [...retainedMembers(settings, body).filter(([key]) => !Json.has(remains, key)), ...Json.entries(remains)]
        : Json.entries(body)),
      [settings.field, signed(settings, id, encodeRecord(record))] as const
    ])
    return {
      body: stored,
      over: before.over,
      ...(tombstonePath !== undefined && isEnabled(settings, "recreation") && {
        recreate: recreate(database, id, stored, [
          mergeRevision({
            parent,
            heads: parent === null ? also : [parent, ...also],
            deleted: false,
            body: stored,
            files: {}
          }),
          ...tombstonePath
        ])
      }),
      stubs: deleted && settings.keep === "names"
        ? Option.none()
        : Option.flatMap(before.over, ({ stubs }) => stubs)
    }
  })

/**
 * Re-creates a document under a computed revision. CouchDB accepts no edit of a tombstone, and a write without `_rev`
 * extends the winning tombstone, which may be the one of a merged version.
 */
const recreate = (
  database: DatabaseName,
  id: string,
  body: Json.JsonObject,
  path: readonly [Revision.Revision, ...ReadonlyArray<Revision.Revision>]
): Effect.Effect<Written, WireError, CouchHttp> =>
  Effect.flatMap(
    bulkWrite(database, [{
      id,
      text: revisionText(id, path, false, body)
    }], { newEdits: false }),
    ([result]) =>
      result?._tag === "Refused"
        ? Effect.fail(result.error)
        : Effect.succeed({ rev: path[0], durability: result?._tag === "Stored" ? result.durability : "quorum" })
  )

export const recorder: Recorder = (settings, writing) =>
  writing.kind === "edit" || isEnabled(settings, "alive")
    ? withRecord(settings, writing)
    : Effect.succeed(withoutLineage(writing))
