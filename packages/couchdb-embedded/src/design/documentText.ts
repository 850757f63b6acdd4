import type { JsonObject } from "effect-couchdb/Json"
import { printWinner } from "../storage/printDocument.js"
import type { Node } from "../storage/revisionTree.js"
import * as RevisionTree from "../storage/revisionTree.js"
import type { Database, DocumentRecord, Version } from "../storage/state.js"

const conflicts: ReadonlySet<string> = new Set(["conflicts", "deleted_conflicts"])
const conflictsAndSeq: ReadonlySet<string> = new Set([...conflicts, "local_seq"])
const revs: ReadonlySet<string> = new Set(["revs"])

/** How many revisions of its history a document has in design functions. */
const historyLimit = 20

/** The winning revision of a document, unless it is deleted. */
export const liveWinner = (
  record: DocumentRecord
): { readonly node: Node<Version>; readonly version: Version } | undefined => {
  const node = RevisionTree.winner(record.tree)
  return node?.version === undefined || node.version.deleted ? undefined : { node, version: node.version }
}

/** The body of a live design document. */
export const designBody = (database: Database, id: string): JsonObject | undefined => {
  const record = database.documents.get(id)
  return record === undefined ? undefined : liveWinner(record)?.version.body
}

/** A live document as JSON for map functions. */
export const forMap = (record: DocumentRecord, withSeq: boolean): string | undefined => {
  const live = liveWinner(record)
  return live === undefined
    ? undefined
    : printWinner(record, live.node, live.version, withSeq ? conflictsAndSeq : conflicts, Infinity).text
}

/** A document as JSON for all other functions, even if it is deleted. */
export const forFunctions = (record: DocumentRecord): string | undefined => {
  const node = RevisionTree.winner(record.tree)
  return node?.version === undefined
    ? undefined
    : printWinner(record, node, node.version, revs, historyLimit).text
}
