import type * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import { print } from "../encoding/printJson.js"
import type { Checked } from "../http/refusal.js"
import type { View } from "./attachments.js"
import { stubs } from "./attachments.js"
import { parseJson, printDocument } from "./incoming.js"
import type { Rev } from "./revision.js"
import * as Revs from "./revision.js"
import type { Node } from "./revisionTree.js"
import * as RevisionTree from "./revisionTree.js"
import type { DocumentRecord, LocalDocument, Version } from "./state.js"

/** What a read of a document asks for. */
export interface ReadOptions {
  readonly rev: Rev | undefined
  /** `undefined` for an ordinary read. */
  readonly openRevs: "all" | ReadonlyArray<Rev> | undefined
  readonly newEdits: boolean
  readonly flags: ReadonlySet<string>
  /** Attachments that are no later than the newest of these are not wanted. */
  readonly attsSince: ReadonlyArray<Rev> | undefined
}

const flagNames = new Set([
  "attachments",
  "att_encoding_info",
  "conflicts",
  "deleted",
  "deleted_conflicts",
  "latest",
  "local_seq",
  "revs",
  "revs_info"
])

const revList = (text: string): Checked<ReadonlyArray<Rev>> => Either.flatMap(parseJson(text), Revs.parseAll)

/** Reads the options of a document's endpoint; CouchDB ignores whatever it does not know. */
export const parseOptions = (query: ReadonlyArray<readonly [string, string]>): Checked<ReadOptions> => {
  const flags = new Set<string>()
  let rev: Rev | undefined
  let openRevs: "all" | ReadonlyArray<Rev> | undefined
  let newEdits = true
  let attsSince: ReadonlyArray<Rev> | undefined
  for (const [key, value] of query) {
    if (key === "rev") {
      const parsed = Revs.parse(value)
      if (Either.isLeft(parsed)) return Either.left(parsed.left)
      rev = parsed.right
    } else if (key === "open_revs" || key === "atts_since") {
      if (key === "open_revs" && value === "all") openRevs = "all"
      else {
        const parsed = revList(value)
        if (Either.isLeft(parsed)) return Either.left(parsed.left)
        if (key === "atts_since") attsSince = parsed.right
        else openRevs = parsed.right.length === 0 ? undefined : parsed.right
      }
    } else if (key === "new_edits") newEdits = value === "false" ? false : value === "true" ? true : newEdits
    else if (value !== "true") continue
    else if (key === "meta") { for (const flag of ["revs_info", "conflicts", "deleted_conflicts"]) flags.add(flag) }
    else if (flagNames.has(key)) flags.add(key)
  }
  return Either.right({ rev, openRevs, newEdits, flags, attsSince })
}

const revisions = (ancestry: ReadonlyArray<Rev>, start: number): string =>
  `"_revisions":${print({ start, ids: ancestry.map(({ hash }) => hash) })}`

const history = (record: DocumentRecord, node: Node<Version>, limit: number): string =>
  revisions(RevisionTree.ancestry(record.tree, node).slice(0, limit), node.generation)

const revsInfo = (ancestry: ReadonlyArray<Node<Version>>): string =>
  `"_revs_info":${
    print(ancestry.map((node): Json.Json => ({
      rev: Revs.format(node),
      status: node.version === undefined ? "missing" : node.version.deleted ? "deleted" : "available"
    })))
  }`

/** How the attachments of one revision are shown. */
export const attachmentView = (
  record: DocumentRecord,
  node: Node<Version>,
  flags: ReadonlySet<string>,
  attsSince: ReadonlyArray<Rev> | undefined,
  follows: boolean
): View => {
  const known = attsSince === undefined || attsSince.length === 0
    ? undefined
    : RevisionTree.ancestry(record.tree, node).find((ancestor) =>
      attsSince.some((rev) => Revs.compare(rev, ancestor) === 0)
    )
  const data = follows ? "follows" : flags.has("attachments") || attsSince !== undefined ? "inline" : "stubs"
  return { data, since: known?.generation ?? -1, encoding: follows || flags.has("att_encoding_info") }
}

/** One revision of a document, printed; up to `limit` revisions of its history are shown where they are asked for. */
export const printNode = (
  record: DocumentRecord,
  node: Node<Version>,
  version: Version,
  flags: ReadonlySet<string>,
  limit: number,
  attachments: View = attachmentView(record, node, flags, undefined, false)
): string =>
  printDocument({
    id: record.id,
    rev: node,
    version,
    members: flags.has("revs") ? [history(record, node, limit)] : [],
    attachments
  })

/** The winner, printed, and whether what is shown depends on more than its revision. */
export const printWinner = (
  record: DocumentRecord,
  node: Node<Version>,
  version: Version,
  flags: ReadonlySet<string>,
  limit: number,
  attachments: View = attachmentView(record, node, flags, undefined, false)
): { readonly text: string; readonly meta: boolean } => {
  const members: Array<string> = []
  if (flags.has("revs")) members.push(history(record, node, limit))
  const before = members.length
  if (flags.has("revs_info")) members.push(revsInfo(RevisionTree.ancestry(record.tree, node)))
  const losers = RevisionTree.leafNodes(record.tree).slice(1)
  const list = (name: string, deleted: boolean): void => {
    const revs = losers.filter((leaf) => (leaf.version?.deleted === true) === deleted).map(Revs.format)
    if (revs.length > 0) members.push(`"${name}":${print(revs)}`)
  }
  if (losers.length > 0 && flags.has("conflicts")) list("_conflicts", false)
  if (losers.length > 0 && flags.has("deleted_conflicts")) list("_deleted_conflicts", true)
  if (flags.has("local_seq")) members.push(`"_local_seq":${record.seq}`)
  return {
    text: printDocument({
      id: record.id,
      rev: node,
      version,
      members,
      attachments
    }),
    meta: members.length > before
  }
}

/** A `_local` document, printed. */
export const printLocal = (local: LocalDocument, flags: ReadonlySet<string>): string =>
  printDocument({
    id: local.id,
    rev: { generation: 0, hash: local.rev },
    version: { deleted: false, body: local.body, attachments: [] },
    members: flags.has("revs") ? [revisions([{ generation: 0, hash: local.rev }], 0)] : [],
    attachments: stubs
  })

/** A revision that was asked for, or only its name where nothing is stored of it. */
export interface Found {
  readonly rev: Rev
  readonly node: Node<Version> | undefined
}

/** The revisions of a document that `_bulk_get` asks for, in the order of a walk over the graph. */
export const openRevs = (
  record: DocumentRecord | undefined,
  revs: "all" | ReadonlyArray<Rev>,
  latest: boolean,
  limit: number
): ReadonlyArray<Found> => {
  if (record === undefined) return revs === "all" ? [] : revs.map((rev) => ({ rev, node: undefined }))
  const { tree } = record
  if (revs === "all") {
    return RevisionTree.inWalkingOrder(tree, RevisionTree.leafNodes(tree), limit).map((node) => ({ rev: node, node }))
  }
  const nodes = new Map<string, Node<Version>>()
  const unknown: Array<Found> = []
  for (const rev of revs) {
    const node = RevisionTree.get(tree, rev)
    if (node === undefined) unknown.push({ rev, node: undefined })
    else for (const each of latest ? RevisionTree.latest(tree, rev) : [node]) nodes.set(Revs.format(each), each)
  }
  const found = RevisionTree.inWalkingOrder(tree, nodes.values(), limit)
  return [...found.map((node) => ({ rev: node, node: node.version === undefined ? undefined : node })), ...unknown]
}

const distinct = (revs: ReadonlyArray<Rev>): ReadonlyArray<Rev> =>
  Array.from(new Map(revs.map((rev) => [Revs.format(rev), rev])).values())

/** The revisions of a document that `open_revs` asks for: what is stored by generation and hash, then the rest. */
export const openRevsSorted = (
  record: DocumentRecord | undefined,
  revs: "all" | ReadonlyArray<Rev>,
  latest: boolean
): ReadonlyArray<Found> =>
  Array.from(openRevs(record, revs === "all" ? revs : distinct(revs), latest, Infinity)).sort((self, that) =>
    self.node === undefined === (that.node === undefined)
      ? Revs.compare(self.rev, that.rev)
      : self.node === undefined
      ? 1
      : -1
  )
