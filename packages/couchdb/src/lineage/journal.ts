import * as Json from "../data/Json.js"
import * as Revision from "../data/Revision.js"
import type { Content, JournalEntry, LineageIndex, Link, NewRevision, Record } from "./model.js"
import { diff } from "./patch.js"
import { hashContent, redacted } from "./record.js"
import { isEnabled } from "./rules.js"

type Rev = Revision.Revision

/** The maximum size of a journal, in characters of JSON. */
const maxJournalLength = 8_192

const newestFirst = (self: Link, that: Link): number => Revision.Order(that.rev, self.rev)

/** The known history of a revision: from its record, or for a foreign revision from the records of its ancestors. */
const historyOf = ({ links, records }: LineageIndex, rev: Rev): ReadonlyArray<Link> => {
  const found: Array<Link> = []
  for (let at: Rev | null = rev; at !== null;) {
    const link: Link | undefined = links.get(at)
    if (link === undefined) break
    found.push(link)
    const record = records.get(at)
    if (record !== undefined) {
      found.push(...record.path.map((entry) => entry.link), ...record.names)
      break
    }
    at = link.parent
  }
  return found
}

const sameRedaction = (
  self: ReadonlyArray<ReadonlyArray<string>>,
  that: ReadonlyArray<ReadonlyArray<string>>
): boolean => JSON.stringify(self) === JSON.stringify(that)

/** The last ancestors on the path of the revision. Each entry is a patch that is applied to the body of its child. */
const journalOf = (
  index: LineageIndex,
  { content, deleted, parent }: NewRevision,
  k: number
): ReadonlyArray<JournalEntry> => {
  const { contents, links, records, settings } = index
  if ((deleted && settings.keep === "names") || !isEnabled(settings, "journal")) return []
  const path: Array<JournalEntry> = []
  let body = redacted(content.body, settings.redact)
  for (let rev = parent; rev !== null && path.length < k;) {
    const link: Link | undefined = links.get(rev)
    const before: Content | undefined = contents.get(rev)
    if (link === undefined || before === undefined) break
    const older = redacted(before.body, settings.redact)
    path.push({
      link,
      sum: hashContent(before, settings.redact),
      back: diff(body, older) ?? [2, {}],
      files: essentialStubs(before.files)
    })
    const record: Record | undefined = records.get(rev)
    if (record !== undefined) {
      if (sameRedaction(record.redact, settings.redact)) path.push(...record.path)
      break
    }
    body = older
    rev = link.parent
  }
  return truncate(path.slice(0, k))
}

/** The newest entries that fit into the maximum size. */
const truncate = (path: ReadonlyArray<JournalEntry>): ReadonlyArray<JournalEntry> => {
  let length = 0
  const end = path.findIndex(({ back, files, link }) => {
    length += Json.stringify(back).length + Json.stringify(files).length + 200 + link.also.length * nameLength
    return length > maxJournalLength
  })
  return end === -1 ? path : path.slice(0, end)
}

/** The length of a revision in JSON. */
const nameLength = 38

/**
 * The newest names. The name of a merge lists the revisions that it took in, so the total of listed revisions is
 * limited too, to twice the number of names.
 */
const newestNames = (names: ReadonlyArray<Link>, maxNames: number): ReadonlyArray<Link> => {
  let revisions = 0
  const end = names.findIndex(({ also }, i) => {
    revisions += 1 + also.length
    return i >= maxNames || revisions > 2 * maxNames
  })
  return end === -1 ? names : names.slice(0, end)
}

/** The members of stubs that a merge needs. A server finds the bytes by the digest. */
const essentialStubs = (files: Json.JsonObject): Json.JsonObject =>
  Json.fromEntries(
    Json.entries(files).map(([name, stub]) => [
      name,
      Json.isObject(stub)
        ? Json.fromEntries(
          Json.entries(stub).filter(([key]) => key === "content_type" || key === "digest" || key === "length")
        )
        : stub
    ])
  )

/** Creates the record of a new revision. */
export const makeRecord = (index: LineageIndex, written: NewRevision): Record => {
  const { records, settings } = index
  const before = [...(written.parent === null ? [] : [written.parent]), ...written.also]
  const k = written.kind === "merge"
    ? Math.max(0, ...before.map((rev) => records.get(rev)?.depth ?? 0)) || settings.depth
    : settings.depth
  const path = journalOf(index, written, k)
  const inPath = new Set(path.map(({ link }) => link.rev))
  const names = new Map<Rev, Link>()
  for (const rev of isEnabled(settings, "journal") ? before : []) {
    for (const link of historyOf(index, rev)) if (!inPath.has(link.rev)) names.set(link.rev, link)
  }
  const keeps = written.deleted && settings.keep === "bodies"
  return {
    kind: written.kind,
    parent: written.parent,
    also: written.kind !== "merge" || isEnabled(settings, "mergeRecord") ? [...written.also].sort() : [],
    sum: hashContent(
      !written.deleted ? written.content : keeps
        ? { ...written.content, body: redacted(written.content.body, settings.redact) }
        : { body: {}, files: {} },
      settings.redact
    ),
    depth: k,
    edit: written.edit,
    content: keeps ? redacted(written.content.body, settings.redact) : undefined,
    redact: settings.redact,
    path,
    names: newestNames(Array.from(names.values()).sort(newestFirst), settings.names)
  }
}
