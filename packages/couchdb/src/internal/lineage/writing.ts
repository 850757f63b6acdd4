import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type { Bound } from "../../Collection.js"
import type { Standing } from "../../CouchError.js"
import { InvalidIdError } from "../../CouchError.js"
import type { CouchHttp, Written } from "../../CouchHttp.js"
import type { DatabaseName } from "../../DatabaseName.js"
import type { Base } from "../../Document.js"
import * as Json from "../../Json.js"
import * as Lineage from "../../Lineage.js"
import * as Revision from "../../Revision.js"
import { bulkWrite } from "../bulk/docs.js"
import { revisionText } from "../bulk/revisionText.js"
import { readVersions } from "../bulk/versions.js"
import type { WireError } from "../bulk/wireError.js"
import { known, lineageVersion, makeSeen, readAllLeaves } from "./leaves.js"
import { withoutField } from "./record.js"
import { kept } from "./resolving.js"
import { holds } from "./rules.js"

/** A write with lineage: what to store, over what. */
export interface Recorded {
  readonly body: Json.JsonObject
  readonly over: Option.Option<Standing>
  /** The attachments that stay: a tombstone keeps them where it keeps the body. */
  readonly stubs: Option.Option<Json.JsonObject>
  /** Where the document is made anew: the revision, and those that it comes from. */
  readonly anew?: readonly [Revision.Revision, ...ReadonlyArray<Revision.Revision>]
}

export interface Writing {
  readonly database: DatabaseName
  readonly id: string
  readonly settings: Lineage.Settings
  /** The members to store; those of the document before, where it is deleted. */
  readonly raw: Json.JsonObject
  readonly over: Option.Option<Standing>
  /** What was read, which is what stands unless somebody else wrote meanwhile. */
  readonly base: Option.Option<Base<unknown>>
  readonly kind: "edit" | "delete"
  /** The attachments that are written with it, where these are not those that stand. */
  readonly files?: Json.JsonObject
}

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
        problem: `in a collection with lineage: write it through a collection of ${JSON.stringify(database)} without it`
      })
    )
    : Effect.void

/** What a new revision extends. A document that was deleted is gone on with where it was deleted, every time it was. */
interface Before {
  readonly knowledge: Lineage.Knowledge
  readonly parent: Revision.Revision | null
  readonly also: ReadonlyArray<Revision.Revision>
  readonly over: Option.Option<Standing>
  /** The tombstone that a document is made anew on, and its ancestors. */
  readonly grave?: ReadonlyArray<Revision.Revision>
}

const beforeCreation = ({ database, id, settings }: Writing): Effect.Effect<Before, WireError, CouchHttp> =>
  Effect.map(readAllLeaves(database, [id], makeSeen()), (leaves): Before => {
    const knowledge = Lineage.knowledge(settings, leaves.map(lineageVersion))
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
  { base, database, id, settings }: Writing,
  standing: Standing
): Effect.Effect<Before, WireError, CouchHttp> =>
  Effect.gen(function*() {
    const { rev } = standing
    const read = Option.filter(base, (base) => base.rev === rev)
    const versions = Option.isSome(read)
      ? [{
        rev,
        path: [rev],
        deleted: false,
        body: read.value.raw,
        files: Option.getOrElse(read.value.stubs, (): Json.JsonObject => ({}))
      }]
      : (yield* readVersions(database, [{ id, rev }])).map(lineageVersion)
    // A record of its own says all there is to know; only a foreign edit's ancestors are looked for.
    const knowledge = yield* known(database, id, settings, versions, [rev], () => [])
    return { knowledge, parent: rev, also: [], over: Option.some(standing) }
  })

/** Adds to what is to be stored the record of what it is made of. */
export const recorded = (writing: Writing): Effect.Effect<Recorded, InvalidIdError | WireError, CouchHttp> =>
  Effect.gen(function*() {
    yield* ordinary(writing)
    const { kind, over, raw, settings } = writing
    const before = yield* Option.match(over, {
      onNone: () => beforeCreation(writing),
      onSome: (standing) => beforeEdit(writing, standing)
    })
    const deleted = kind === "delete"
    const standing = before.parent === null ? undefined : before.knowledge.contents.get(before.parent)
    // What is deleted is what stands, which may not be what was read.
    const body = deleted && standing !== undefined ? standing.body : withoutField(raw, settings.field)
    const record = Lineage.recordOf(before.knowledge, {
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
      ...(deleted ? kept(settings, body) : Json.entries(body)),
      [settings.field, Lineage.encodeRecord(record)] as const
    ])
    return {
      body: stored,
      over: before.over,
      ...(grave !== undefined && holds(settings, "recreation") && {
        anew: [
          Lineage.mergeRevision({
            parent,
            heads: parent === null ? also : [parent, ...also],
            deleted: false,
            body: stored,
            files: {}
          }),
          ...grave
        ] as const
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
export const writeAnew = (
  database: DatabaseName,
  id: string,
  body: Json.JsonObject,
  path: NonNullable<Recorded["anew"]>
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

/** What a write stores, over what, with lineage where the collection keeps it. */
export const toStore = (
  collection: Pick<Bound<unknown>, "database" | "lineage">,
  writing: Omit<Writing, "database" | "settings">
): Effect.Effect<Recorded, InvalidIdError | WireError, CouchHttp> =>
  collection.lineage !== undefined && (writing.kind === "edit" || holds(collection.lineage, "alive"))
    ? recorded({ ...writing, database: collection.database, settings: collection.lineage })
    : Effect.succeed(
      writing.kind === "delete"
        ? { body: {}, over: writing.over, stubs: Option.none() }
        : { body: writing.raw, over: writing.over, stubs: Option.flatMap(writing.over, ({ stubs }) => stubs) }
    )
