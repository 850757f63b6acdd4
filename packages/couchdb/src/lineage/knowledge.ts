import * as Option from "effect/Option"
import * as Json from "../data/Json.js"
import { canonical } from "../data/json/canonical.js"
import { exceedsDepth } from "../data/json/depth.js"
import * as Revision from "../data/Revision.js"
import type { Settings } from "../document/recorder.js"
import { believed } from "./mac.js"
import type { Burial, Content, Field, Knowledge, Link, Record, Tombstone, Version } from "./model.js"
import { patched } from "./patch.js"
import { redacted, sumOf, withoutField } from "./record.js"
import { holds } from "./rules.js"

/** What the library writes is a thousand levels deep at most, and a burial some levels more. */
const deepest = 1_100

/** A version's own body, and what its field says; nothing where it would overflow the stack of whoever looks into it. */
const apart = (
  settings: Settings,
  { body, id }: Version
): { readonly body: Json.JsonObject; readonly field: Field } | undefined =>
  exceedsDepth(body, deepest) ? undefined : {
    body: withoutField(body, settings.field),
    field: believed(settings, id, Json.get(body, settings.field))
  }

/** What a version holds: a tombstone, what it keeps of it. */
const contentIn = (
  body: Json.JsonObject,
  files: Json.JsonObject,
  deleted: boolean,
  record: Record | undefined
): Content | undefined =>
  !deleted ? { body, files } : record?.content === undefined ? undefined : { body: record.content, files }

/**
 * The parent as CouchDB tells it. Where it does not, at a first revision or at the end of a path that was cut, the
 * generation still says whether a record can be this revision's.
 */
const isParentOf = (path: ReadonlyArray<Revision.Revision>, rev: Revision.Revision, parent: Revision.Revision | null) =>
  path[1] !== undefined
    ? parent === path[1]
    : parent === null
    ? Revision.generation(rev) === 1
    : Revision.generation(parent) + 1 === Revision.generation(rev)

/** A record that is the revision's own: parent and content are as it says. */
const validIn = (
  rev: Revision.Revision,
  path: ReadonlyArray<Revision.Revision>,
  field: Field,
  content: Content | undefined,
  /** Whether the content is at hand at all: a slimmed burial has none to compare. */
  compare: boolean
): Record | undefined =>
  field._tag === "Record" && isParentOf(path, rev, field.record.parent) &&
    (!compare || field.record.sum === sumOf(content ?? { body: {}, files: {} }, field.record.redact))
    ? field.record
    : undefined

const sameLink = (self: Link, that: Link): boolean =>
  self.parent === that.parent && self.kind === that.kind && self.also.length === that.also.length &&
  self.also.every((rev) => that.also.includes(rev))

export const knowledge = (settings: Settings, versions: ReadonlyArray<Version>): Knowledge => {
  const links = new Map<Revision.Revision, Link>()
  const parents = new Map<Revision.Revision, Revision.Revision>()
  const contents = new Map<Revision.Revision, Content>()
  const records = new Map<Revision.Revision, Record>()
  const tombstones = new Map<Revision.Revision, Tombstone>()
  const burials = new Map<Revision.Revision, Burial>()
  const disputed = new Map<Revision.Revision, string>()
  const newer = new Set<Revision.Revision>()

  const disputes = holds(settings, "disagreement")
  const learn = (link: Link): void => {
    const known = links.get(link.rev)
    if (known === undefined) links.set(link.rev, link)
    else if (disputes && known !== link && !sameLink(known, link)) {
      disputed.set(link.rev, `LineageDisagrees: two records of ${link.rev} say different things`)
    }
  }

  const path = (revisions: ReadonlyArray<Revision.Revision>): void =>
    revisions.forEach((rev, i) => {
      const parent = revisions[i + 1]
      if (parent !== undefined) parents.set(rev, parent)
    })

  /** What a record tells of the revisions before it. */
  const history = (record: Record, content: Content | undefined): void => {
    for (const name of record.names) learn(name)
    let body = content === undefined ? undefined : redacted(content.body, record.redact)
    for (const { back, files, link, sum } of record.path) {
      learn(link)
      const older = body === undefined ? Option.none() : patched(body, back)
      body = Option.isSome(older) && Json.isObject(older.value) &&
          sumOf({ body: older.value, files }, record.redact) === sum
        ? older.value
        : undefined
      if (body !== undefined) reconstructed(link.rev, { body, files })
    }
  }

  const reconstructed = (rev: Revision.Revision, content: Content): void => {
    const known = contents.get(rev)
    if (known === undefined) contents.set(rev, content)
    else if (disputes && !authorities.has(rev) && canonical(known.body) !== canonical(content.body)) {
      disputed.set(rev, `LineageDisagrees: two journals hold different bodies of ${rev}`)
    }
  }

  const own = (
    rev: Revision.Revision,
    revisions: ReadonlyArray<Revision.Revision>,
    field: Field,
    content: Content | undefined,
    compare: boolean
  ): void => {
    const record = holds(settings, "proof")
      ? validIn(rev, revisions, field, content, compare)
      : field._tag === "Record"
      ? field.record
      : undefined
    if (content !== undefined) contents.set(rev, content)
    if (record !== undefined) {
      records.set(rev, record)
      learn({ rev, parent: record.parent, kind: record.kind, also: record.also })
    } else if (field._tag === "Newer" && Option.exists(field.parent, (parent) => isParentOf(revisions, rev, parent))) {
      newer.add(rev)
    } else if (revisions[1] !== undefined || Revision.generation(rev) === 1) {
      learn({ rev, parent: revisions[1] ?? null, kind: "foreign", also: [] })
    }
  }

  // What the server itself has under a revision counts before what others tell of it.
  const authorities = new Set(versions.map(({ rev }) => rev))
  for (const version of versions) {
    const { deleted, files, id, path: revisions, rev } = version
    path(revisions)
    const read = apart(settings, version)
    if (read === undefined) {
      disputed.set(rev, `${rev} is nested deeper than ${deepest} levels`)
      if (deleted) tombstones.set(rev, "bare")
      continue
    }
    const { body, field } = read
    // A slimmed burial stands on the one that it slims.
    const under = field._tag === "Burial" && deleted ? revisions.indexOf(field.burial.of) : -1
    if (field._tag === "Burial" && under > 0) {
      const { burial } = field
      tombstones.set(rev, "burial")
      burials.set(rev, burial)
      learn(burial.into)
      const kept = burial.content === undefined ? undefined : { body: burial.content, files }
      if (!authorities.has(burial.of)) {
        own(burial.of, revisions.slice(under), believed(settings, id, burial.field), kept, kept !== undefined)
      }
      continue
    }
    // What a newer version buries or deletes with this tombstone is not known, and so it is not bare either.
    if (deleted && field._tag === "Newer") {
      tombstones.set(rev, "deletion")
      newer.add(rev)
      continue
    }
    const content = contentIn(body, files, deleted, field._tag === "Record" ? field.record : undefined)
    own(rev, revisions, field, content, true)
    if (deleted) tombstones.set(rev, records.has(rev) ? "deletion" : "bare")
  }
  for (const [rev, record] of records) history(record, contents.get(rev))
  return { settings, links, parents, contents, records, tombstones, burials, disputed, newer }
}
