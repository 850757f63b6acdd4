import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Json from "../data/Json.js"
import { hashOf } from "../data/json/canonical.js"
import * as Revision from "../data/Revision.js"
import type { Bound } from "../document/Collection.js"
import type { Document } from "../document/Document.js"
import type { Settings } from "../document/recorder.js"
import type { Version } from "../http/bulk/bulkGetVersions.js"
import type { Files } from "../siblings/files.js"
import { stubsOf } from "../siblings/mergedVersion.js"
import type { MergeTombstone } from "../siblings/mergeTombstone.js"
import type { PartialMerge } from "../siblings/pairMerge.js"
import { documentAt, leavesOf, type Plan, type Step } from "../siblings/plan.js"
import type { ExtensibleIndex } from "./extensibleIndex.js"
import { makeRecord } from "./journal.js"
import { signed } from "./mac.js"
import { mergeRevision } from "./mergeRevision.js"
import type * as Lineage from "./model.js"
import { encodeRecord, encodeTombstone, redacted, retainedMembers, withoutField } from "./record.js"
import { isEnabled } from "./rules.js"
import { stripField } from "./stripping.js"

type Rev = Revision.Revision

/** The inputs of a merge. */
interface MergeInputs {
  readonly kind: "merge" | "edit"
  readonly parent: Rev
  readonly also: ReadonlyArray<Rev>
  readonly deleted: boolean
}

/** A merge to store, and the step that writes it. */
interface PlannedMerge<A, R> {
  readonly rev: Rev
  readonly step: Step<A, R>
}

/** Prepares the merges and the tombstones of one document. */
export class MergeWriter<A, R> {
  private readonly byRev: ReadonlyMap<Rev, Version>
  private readonly tombstonesByVersion: ReadonlyMap<Rev, Rev>
  /** The paths of the planned merges. */
  private readonly paths = new Map<Rev, ReadonlyArray<Rev>>()

  constructor(
    private readonly collection: Bound<A, R>,
    private readonly settings: Settings,
    private readonly id: string,
    versions: ReadonlyArray<Version>,
    private readonly extensible: ExtensibleIndex
  ) {
    this.byRev = new Map(versions.map((version) => [version.raw.rev, version]))
    // Of several tombstones of one version, one that keeps its body is preferred.
    this.tombstonesByVersion = new Map(
      Array.from(extensible.index.mergeTombstones)
        .sort(([, self], [, that]) => Number(self.content !== undefined) - Number(that.content !== undefined))
        .map(([tombstone, { of }]) => [of, tombstone] as const)
    )
  }

  isLeaf(rev: Rev): boolean {
    return this.byRev.has(rev)
  }

  /** The leaf that stores the attachments of a revision: itself, or its tombstone. */
  attachmentSource(rev: Rev): Rev {
    return this.byRev.has(rev) ? rev : this.tombstonesByVersion.get(rev) ?? rev
  }

  /** The document of a head if it is a live leaf that matches the schema. */
  documentOf(head: Rev): Effect.Effect<Option.Option<Document<A, R>>, never, R> {
    const version = this.byRev.get(head)
    return Effect.map(
      version === undefined ? Effect.succeed([]) : leavesOf(this.collection, [version]),
      ([leaf]) => leaf?._tag === "Live" ? Option.some(leaf.document) : Option.none()
    )
  }

  /** The tombstone of a merged version, or nothing if the version is not a leaf. */
  tombstoneOf({ into, of }: Lineage.PlannedTombstone): ReadonlyArray<MergeTombstone> {
    const version = this.byRev.get(of)
    if (version === undefined) return []
    const { id, settings } = this
    const { raw } = version
    const field = Json.get(raw.raw, settings.field)
    const keeps = settings.keep === "bodies" && isEnabled(settings, "trust")
    const tombstone = encodeTombstone({
      of,
      ofParent: version.path[1] ?? null,
      into,
      content: keeps ? redacted(withoutField(raw.raw, settings.field), settings.redact) : undefined,
      field: keeps ? field : stripField(this.extensible.index, id, of, field)
    })
    return [{
      of: version,
      stubs: keeps ? raw.stubs : Option.none(),
      body: Json.fromEntries([
        ...retainedMembers(settings, raw.raw),
        [settings.field, signed(settings, id, tombstone)] as const
      ])
    }]
  }

  /** The plan that only deletes merged versions. */
  deleteMerged(
    { tombstones, head }: Extract<Lineage.Plan, { readonly _tag: "DeleteMerged" }>
  ): Effect.Effect<Plan<A, R>, never, R> {
    return Effect.map(this.documentOf(head), (document) => ({
      _tag: "Write",
      steps: [{
        lists: [],
        merge: Option.none(),
        tombstones: tombstones.flatMap((planned) => this.tombstoneOf(planned)),
        merged: [],
        withoutBase: [],
        document
      }],
      heads: [head],
      remaining: []
    }))
  }

  /** Plans a merge. `merged` is its content; `undefined` if the heads clash and the document is deleted. */
  merge(inputs: MergeInputs, merged: PartialMerge<A, R> | undefined): PlannedMerge<A, R> {
    const { id, settings } = this
    const { also, deleted, kind, parent } = inputs
    const heads = [parent, ...also]
    const files: Files = merged?.files ?? new Map()
    const stubs = stubsOf(files)
    const content = { body: merged?.raw ?? {}, files: stubs }
    const record = this.recordOf(inputs, content, merged === undefined)
    const body = Json.fromEntries([
      ...(deleted ? retainedMembers(settings, content.body) : Json.entries(content.body)),
      [settings.field, signed(settings, id, encodeRecord(record))] as const
    ])
    const keepsFiles = !deleted || settings.keep === "bodies"
    const rev = mergeRevision(
      isEnabled(settings, "chosenRevision")
        ? { parent, heads, deleted, body, files: keepsFiles ? stubs : {} }
        : { parent, heads, deleted, body: {}, files: {} }
    )
    const path = [rev, ...this.pathOf(parent)] as const
    this.paths.set(rev, path)
    const stored = this.storedFiles(files, inputs, Revision.generation(rev))
    this.extensible.add(record, { id, rev, path, deleted, body: content.body, files: stored })
    const losers = also.filter((rev) => this.byRev.get(rev)?.raw.deleted === false)
    return {
      rev,
      step: {
        lists: [],
        document: merged === undefined || deleted
          ? Option.none()
          : Option.some(this.mergedDocument(rev, { ...merged, raw: body })),
        merge: Option.some({ id, path, raw: body, files: keepsFiles ? files : new Map(), winner: parent, deleted }),
        tombstones: losers.flatMap((of) => this.tombstoneOf({ of, into: { rev, parent, kind, also: record.also } })),
        merged: losers,
        withoutBase: merged?.withoutBase ?? []
      }
    }
  }

  private recordOf(
    { also, deleted, kind, parent }: MergeInputs,
    content: Lineage.Content,
    contentless: boolean
  ): Lineage.Record {
    const record = makeRecord(this.extensible.index, {
      kind,
      parent,
      also,
      content: deleted && contentless ? { body: {}, files: {} } : content,
      deleted,
      // The same decision on another replica is the same edit.
      edit: kind === "edit" ? hashOf(Json.stringify([[parent, ...also].sort(), content.body])) : undefined
    })
    return contentless ? { ...record, content: undefined } : record
  }

  private mergedDocument(rev: Rev, merged: PartialMerge<A, R>): Document<A, R> {
    const stubs = merged.files.size === 0 ? Option.none() : Option.some(stubsOf(merged.files))
    return documentAt(this.collection, this.id, rev, merged, stubs)
  }

  /** The attachments as the server will store them. Those of losers are uploaded again, with a new `revpos`. */
  private storedFiles(files: Files, { deleted, parent }: MergeInputs, generation: number): Json.JsonObject {
    return deleted && this.settings.keep === "names" ? {} : Json.fromEntries(
      Array.from(files, ([name, { leaf, stub }]) => [
        name,
        leaf === parent
          ? stub
          : Json.fromEntries(Json.entries(stub).map(([key, value]) => [key, key === "revpos" ? generation : value]))
      ])
    )
  }

  /** A revision and its ancestors. If only the tombstone of the revision is left, they are read from that. */
  private pathOf(rev: Rev): ReadonlyArray<Rev> {
    const planned = this.paths.get(rev)
    if (planned !== undefined) return planned
    const path: ReadonlyArray<Rev> = this.byRev.get(this.attachmentSource(rev))?.path ?? []
    const at = path.indexOf(rev)
    return at === -1 ? [rev] : path.slice(at)
  }
}
