import * as Option from "effect/Option"
import * as Json from "../data/Json.js"
import { canonical } from "../data/json/canonical.js"
import { exceedsDepth } from "../data/json/depth.js"
import * as Revision from "../data/Revision.js"
import type { Settings } from "../document/recorder.js"
import { verifiedField } from "./mac.js"
import type { Content, Field, LineageIndex, Link, MergeTombstone, Record, TombstoneKind, Version } from "./model.js"
import { patched } from "./patch.js"
import { hashContent, redacted, withoutField } from "./record.js"
import { isEnabled } from "./rules.js"

type Rev = Revision.Revision

/** The library writes at most 1,000 levels. The tombstone of a merged version has a few more. */
const maxDepth = 1_100

/** A version's body without the field, and the decoded field. */
interface Split {
  readonly body: Json.JsonObject
  readonly field: Field
}

/** Splits a version, or returns `undefined` if it is nested so deeply that reading it could overflow the stack. */
const split = (settings: Settings, { body, id }: Version): Split | undefined =>
  exceedsDepth(body, maxDepth) ? undefined : {
    body: withoutField(body, settings.field),
    field: verifiedField(settings, id, Json.get(body, settings.field))
  }

/** The content of a version. A tombstone has content only if its record keeps it. */
const contentIn = (
  body: Json.JsonObject,
  files: Json.JsonObject,
  deleted: boolean,
  record: Record | undefined
): Content | undefined =>
  !deleted ? { body, files } : record?.content === undefined ? undefined : { body: record.content, files }

/**
 * Whether a record names the right parent. CouchDB names none for a first revision and for the last one of a truncated
 * path. The generation then shows whether the record can belong to this revision.
 */
const isParentOf = (path: ReadonlyArray<Rev>, rev: Rev, parent: Rev | null) =>
  path[1] !== undefined
    ? parent === path[1]
    : parent === null
    ? Revision.generation(rev) === 1
    : Revision.generation(parent) + 1 === Revision.generation(rev)

/** A revision together with what the server or a tombstone stores for it. */
interface StoredRevision {
  readonly rev: Rev
  readonly path: ReadonlyArray<Rev>
  readonly field: Field
  readonly content: Content | undefined
  /** Whether the content is available for comparison. A tombstone without its body has none. */
  readonly compare: boolean
}

/** The record of a revision if it proves to belong to it: its parent and the hash of its content match. */
const validRecord = ({ compare, content, field, path, rev }: StoredRevision): Record | undefined =>
  field._tag === "Record" && isParentOf(path, rev, field.record.parent) &&
    (!compare || field.record.sum === hashContent(content ?? { body: {}, files: {} }, field.record.redact))
    ? field.record
    : undefined

const sameLink = (self: Link, that: Link): boolean =>
  self.parent === that.parent && self.kind === that.kind && self.also.length === that.also.length &&
  self.also.every((rev) => that.also.includes(rev))

class IndexBuilder implements LineageIndex {
  readonly links = new Map<Rev, Link>()
  readonly parents = new Map<Rev, Rev>()
  readonly contents = new Map<Rev, Content>()
  readonly records = new Map<Rev, Record>()
  readonly tombstoneKinds = new Map<Rev, TombstoneKind>()
  readonly mergeTombstones = new Map<Rev, MergeTombstone>()
  readonly disputed = new Map<Rev, string>()
  readonly newer = new Set<Rev>()
  /** The revisions that the server itself stores. Their stored content takes precedence over other records. */
  private readonly stored: ReadonlySet<Rev>
  private readonly disputes: boolean

  constructor(readonly settings: Settings, versions: ReadonlyArray<Version>) {
    this.disputes = isEnabled(settings, "disagreement")
    this.stored = new Set(versions.map(({ rev }) => rev))
    for (const version of versions) this.addVersion(version)
    for (const [rev, record] of this.records) this.addHistory(record, this.contents.get(rev))
  }

  private addVersion(version: Version): void {
    const { deleted, files, path, rev } = version
    this.addPath(path)
    const read = split(this.settings, version)
    if (read === undefined) {
      this.disputed.set(rev, `${rev} is nested deeper than ${maxDepth} levels`)
      if (deleted) this.tombstoneKinds.set(rev, "bare")
      return
    }
    const { body, field } = read
    if (deleted && field._tag === "MergeTombstone" && path.indexOf(field.tombstone.of) > 0) {
      this.addMergeTombstone(version, field.tombstone)
      return
    }
    // The version that a newer format deletes is unknown, so the tombstone is not bare either.
    if (deleted && field._tag === "Newer") {
      this.tombstoneKinds.set(rev, "deletion")
      this.newer.add(rev)
      return
    }
    const content = contentIn(body, files, deleted, field._tag === "Record" ? field.record : undefined)
    this.addRevision({ rev, path, field, content, compare: true })
    if (deleted) this.tombstoneKinds.set(rev, this.records.has(rev) ? "deletion" : "bare")
  }

  private addPath(path: ReadonlyArray<Rev>): void {
    path.forEach((rev, i) => {
      const parent = path[i + 1]
      if (parent !== undefined) this.parents.set(rev, parent)
    })
  }

  private addMergeTombstone({ files, id, path, rev }: Version, tombstone: MergeTombstone): void {
    this.tombstoneKinds.set(rev, "merged")
    this.mergeTombstones.set(rev, tombstone)
    this.addLink(tombstone.into)
    if (this.stored.has(tombstone.of)) return
    const content = tombstone.content === undefined ? undefined : { body: tombstone.content, files }
    this.addRevision({
      rev: tombstone.of,
      // A stripped tombstone is a child of the tombstone that it strips.
      path: path.slice(path.indexOf(tombstone.of)),
      field: verifiedField(this.settings, id, tombstone.field),
      content,
      compare: content !== undefined
    })
  }

  private addRevision(stored: StoredRevision): void {
    const { content, field, path, rev } = stored
    const record = isEnabled(this.settings, "proof")
      ? validRecord(stored)
      : field._tag === "Record"
      ? field.record
      : undefined
    if (content !== undefined) this.contents.set(rev, content)
    if (record !== undefined) {
      this.records.set(rev, record)
      this.addLink({ rev, parent: record.parent, kind: record.kind, also: record.also })
    } else if (field._tag === "Newer" && Option.exists(field.parent, (parent) => isParentOf(path, rev, parent))) {
      this.newer.add(rev)
    } else if (path[1] !== undefined || Revision.generation(rev) === 1) {
      this.addLink({ rev, parent: path[1] ?? null, kind: "foreign", also: [] })
    }
  }

  private addLink(link: Link): void {
    const known = this.links.get(link.rev)
    if (known === undefined) this.links.set(link.rev, link)
    else if (this.disputes && known !== link && !sameLink(known, link)) {
      this.disputed.set(link.rev, `LineageDisagrees: two records of ${link.rev} contradict each other`)
    }
  }

  /** Adds the ancestors that a record describes. */
  private addHistory(record: Record, content: Content | undefined): void {
    for (const name of record.names) this.addLink(name)
    let body = content === undefined ? undefined : redacted(content.body, record.redact)
    for (const { back, files, link, sum } of record.path) {
      this.addLink(link)
      const older = body === undefined ? Option.none() : patched(body, back)
      body = Option.isSome(older) && Json.isObject(older.value) &&
          hashContent({ body: older.value, files }, record.redact) === sum
        ? older.value
        : undefined
      if (body !== undefined) this.addReconstructed(link.rev, { body, files })
    }
  }

  private addReconstructed(rev: Rev, content: Content): void {
    const known = this.contents.get(rev)
    if (known === undefined) this.contents.set(rev, content)
    else if (this.disputes && !this.stored.has(rev) && canonical(known.body) !== canonical(content.body)) {
      this.disputed.set(rev, `LineageDisagrees: two journals contain different bodies of ${rev}`)
    }
  }
}

/** Indexes everything that versions of one document record about its history. */
export const buildIndex = (settings: Settings, versions: ReadonlyArray<Version>): LineageIndex => {
  const { mergeTombstones, contents, disputed, links, newer, parents, records, tombstoneKinds } = new IndexBuilder(
    settings,
    versions
  )
  return { settings, links, parents, contents, records, tombstoneKinds, mergeTombstones, disputed, newer }
}
