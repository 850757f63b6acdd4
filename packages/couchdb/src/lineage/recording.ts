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
import { recordOf } from "./journal.js"
import * as knowing from "./knowledge.js"
import { sealed } from "./mac.js"
import { mergeRevision } from "./mergeRevision.js"
import type { Knowledge } from "./model.js"
import { known, lineageVersion } from "./olderVersions.js"
import { encodeRecord, kept, withoutField } from "./record.js"
import { holds } from "./rules.js"

/** Makes two equal edits two. */
const editId: Effect.Effect<string> = Effect.map(
  Effect.replicateEffect(Random.nextIntBetween(0, 0x1_0000_0000), 3),
  (parts) => parts.map((part) => part.toString(16).padStart(8, "0")).join("")
)

/** CouchDB's own documents have no siblings that a merge could be for. */
const ordinary = ({ database, id }: Writing): Effect.Effect<void, InvalidIdError> =>
  id.startsWith("_design/") || id.startsWith("_local/")
    ? Effect.fail(
      new InvalidIdError({
        kind: "document",
        value: id,
        problem: `has no lineage: write it through a collection of ${JSON.stringify(database)} without lineage`
      })
    )
    : Effect.void

/** What a new revision extends. A document that was deleted is gone on with where it was deleted, every time it was. */
interface Before {
  readonly knowledge: Knowledge
  readonly parent: Revision.Revision | null
  readonly also: ReadonlyArray<Revision.Revision>
  readonly over: Option.Option<CurrentRevision>
  /** The tombstone that a document is made anew on, and its ancestors. */
  readonly grave?: ReadonlyArray<Revision.Revision>
}

const beforeCreation = (settings: Settings, { database, id }: Writing): Effect.Effect<Before, WireError, CouchHttp> =>
  Effect.map(readAllLeaves(database, [id], makeTombstoneCache()), (leaves): Before => {
    const knowledge = knowing.knowledge(settings, leaves.map(lineageVersion))
    const none: Before = { knowledge, parent: null, also: [], over: Option.none() }
    // Something stands: the server refuses the creation, as it should.
    if (leaves.some(({ raw }) => !raw.deleted)) return none
    const isDeletion = (rev: Revision.Revision): boolean =>
      holds(settings, "recreation") && knowledge.tombstones.get(rev) === "deletion"
    const rank = (rev: Revision.Revision): number => isDeletion(rev) ? 1 : 0
    const [first, ...rest] = leaves.map(({ raw }) => raw.rev).sort((a, b) => rank(b) - rank(a) || Revision.Order(b, a))
    return first === undefined ? none : {
      knowledge,
      parent: first,
      also: rest.filter(isDeletion),
      over: Option.none(),
      grave: leaves.find(({ raw }) => raw.rev === first)?.path ?? [first]
    }
  })

const beforeEdit = (
  settings: Settings,
  { base, database, id }: Writing,
  standing: CurrentRevision
): Effect.Effect<Before, WireError, CouchHttp> =>
  Effect.gen(function*() {
    const { rev } = standing
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
    // A record of its own says all there is to know; only a foreign edit's ancestors are looked for.
    const knowledge = yield* known(database, id, settings, versions, [rev], () => [])
    return { knowledge, parent: rev, also: [], over: Option.some(standing) }
  })

/** Adds to what is to be stored the record of what it is made of. */
const recorded = (
  settings: Settings,
  writing: Writing
): Effect.Effect<Recorded, InvalidIdError | WireError, CouchHttp> =>
  Effect.gen(function*() {
    yield* ordinary(writing)
    const { database, id, kind, over, raw, remains = {} } = writing
    const before = yield* Option.match(over, {
      onNone: () => beforeCreation(settings, writing),
      onSome: (standing) => beforeEdit(settings, writing, standing)
    })
    const deleted = kind === "delete"
    const standing = before.parent === null ? undefined : before.knowledge.contents.get(before.parent)
    // What is deleted is what stands, which may not be what was read.
    const body = deleted && standing !== undefined ? standing.body : withoutField(raw, settings.field)
    const record = recordOf(before.knowledge, {
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
      edit: holds(settings, "editIds") ? yield* editId : undefined
    })
    const { also, grave, parent } = before
    const stored = Json.fromEntries([
      ...(deleted
        ? [...kept(settings, body).filter(([key]) => !Json.has(remains, key)), ...Json.entries(remains)]
        : Json.entries(body)),
      [settings.field, sealed(settings, id, encodeRecord(record))] as const
    ])
    return {
      body: stored,
      over: before.over,
      ...(grave !== undefined && holds(settings, "recreation") && {
        recreate: writeAnew(database, id, stored, [
          mergeRevision({
            parent,
            heads: parent === null ? also : [parent, ...also],
            deleted: false,
            body: stored,
            files: {}
          }),
          ...grave
        ])
      }),
      stubs: deleted && settings.keep === "names"
        ? Option.none()
        : Option.flatMap(before.over, ({ stubs }) => stubs)
    }
  })

/**
 * Writes a document anew under a revision of its own: CouchDB takes no edit of a tombstone, and puts a plain write on the
 * one that wins, which may be a burial.
 */
const writeAnew = (
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
  writing.kind === "edit" || holds(settings, "alive")
    ? recorded(settings, writing)
    : Effect.succeed(withoutLineage(writing))
