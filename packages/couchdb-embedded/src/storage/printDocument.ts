import * as Json from "effect-couchdb/Json"
import { print, printMembers } from "../encoding/printJson.js"
import type { View } from "./attachments.js"
import * as Attachments from "./attachments.js"
import { stubs } from "./attachments.js"
import type { Rev } from "./revision.js"
import * as Revs from "./revision.js"
import type { Node } from "./revisionTree.js"
import * as RevisionTree from "./revisionTree.js"
import type { DocumentRecord, LocalDocument, Version } from "./state.js"

/** What to print of a document. `members` are JSON text. */
export interface Printable {
  readonly id: string
  readonly rev: Rev | undefined
  readonly version: Version
  readonly members: ReadonlyArray<string>
  readonly attachments: View
}

/** Prints a document as CouchDB does. */
const printDocument = ({ attachments, id, members, rev, version }: Printable): string => {
  const printed = version.printed ??= printMembers(Json.entries(version.body))
  let text = `{"_id":${print(id)}`
  if (rev !== undefined) text += `,"_rev":${print(Revs.format(rev))}`
  if (printed !== "") text += `,${printed}`
  if (version.deleted) text += `,"_deleted":true`
  for (const member of members) text += `,${member}`
  if (version.attachments.length > 0) {
    text += `,"_attachments":{${Attachments.printAll(version.attachments, attachments)}}`
  }
  return `${text}}`
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

/** How to show the attachments of a revision. */
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

/** Prints a revision, with at most `limit` revisions of its history if `revs` is set. */
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

/** Prints the winning revision. `meta` says whether the text depends on other revisions. */
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

/** Prints a `_local` document. */
export const printLocal = (local: LocalDocument, flags: ReadonlySet<string>): string =>
  printDocument({
    id: local.id,
    rev: { generation: 0, hash: local.rev },
    version: { deleted: false, body: local.body, attachments: [] },
    members: flags.has("revs") ? [revisions([{ generation: 0, hash: local.rev }], 0)] : [],
    attachments: stubs
  })
