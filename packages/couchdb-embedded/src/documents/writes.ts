import * as Revision from "effect-couchdb/Revision"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { UserContext } from "../access/users.js"
import * as Validation from "../design/validation.js"
import * as Utf8 from "../encoding/utf8.js"
import type { Checked, Refusal } from "../http/refusal.js"
import { conflict, internalError, refusal } from "../http/refusal.js"
import * as Attachments from "../storage/attachments.js"
import type { Incoming } from "../storage/incoming.js"
import type { Rev } from "../storage/revision.js"
import * as Revs from "../storage/revision.js"
import type { Tree } from "../storage/revisionTree.js"
import * as RevisionTree from "../storage/revisionTree.js"
import { revivedRevision } from "../storage/revivedRevision.js"
import type { Database, DocumentRecord, Server, Shard, Version } from "../storage/state.js"
import { shardOf, store, storeLocal } from "../storage/state.js"

/** The result of one document of a request. */
export type Outcome = Checked<Rev>

interface Pending {
  readonly index: number
  readonly document: Incoming
}

/** The next revision. Its hash depends on the parent and the content only. */
const nextRev = (parent: Rev | undefined, version: Version): Checked<Rev> => {
  const predicted = Revision.predict({
    parent: parent === undefined ? Option.none() : Revision.decode(Revs.format(parent)),
    body: version.body,
    deleted: version.deleted,
    attachments: version.attachments
  })
  return Option.match(predicted, {
    onNone: () => internalError("function_clause"),
    onSome: (rev) => Either.right({ generation: (parent?.generation ?? 0) + 1, hash: Revision.parts(rev).hash })
  })
}

const parentOf = ({ generation, hashes }: Incoming): Rev | undefined =>
  hashes[0] === undefined ? undefined : { generation, hash: hashes[0] }

/** The documents by shard and id. Documents with the same id keep their order. */
const byShard = (database: Database, documents: ReadonlyArray<Pending>): Map<Shard, Map<string, Array<Pending>>> => {
  const shards = new Map<Shard, Map<string, Array<Pending>>>()
  const sorted = documents.length === 1
    ? documents
    : Array.from(documents).sort((a, b) => Utf8.compare(a.document.id, b.document.id))
  for (const pending of sorted) {
    const shard = shardOf(database, pending.document.id)
    const groups = shards.get(shard) ?? new Map<string, Array<Pending>>()
    const group = groups.get(pending.document.id) ?? []
    group.push(pending)
    shards.set(shard, groups.set(pending.document.id, group))
  }
  return shards
}

const isDeleted = (tree: Tree<Version>): boolean => RevisionTree.winner(tree)?.version?.deleted === true

/** Whether a write may extend the parent. */
const checkParent = (record: DocumentRecord | undefined, parent: Rev | undefined): Refusal | undefined => {
  if (record === undefined) return parent === undefined ? undefined : conflict
  if (parent === undefined) return isDeleted(record.tree) ? undefined : conflict
  return RevisionTree.isLeaf(record.tree, parent) ? undefined : conflict
}

interface Prepared extends Pending {
  readonly version: Version
}

const prepare = (
  pending: Pending,
  parentVersion: Version | undefined,
  revpos: number
): Checked<Prepared> => {
  const { document } = pending
  return Either.map(
    Attachments.resolve(document.id, document.attachments, parentVersion, revpos),
    (attachments) => ({ ...pending, version: { deleted: document.deleted, body: document.body, attachments } })
  )
}

/** Merges a write into the tree, or rejects it. */
const merge = (tree: Tree<Version>, { document, version }: Prepared): Checked<{ tree: Tree<Version>; rev: Rev }> => {
  const parent = parentOf(document)
  if (isDeleted(tree) && tree.leaves.length > 0) {
    // A deleted document is created again on top of its winning tombstone, by a live write without a parent.
    const tombstone = RevisionTree.winner(tree)
    if (document.generation !== 0 || version.deleted || tombstone === undefined) return Either.left(conflict)
    const next = version.attachments.length === 0
      ? nextRev(tombstone, version)
      : Either.right(revivedRevision(tombstone, version))
    return Either.map(next, (rev) => ({
      tree: RevisionTree.merge(
        tree,
        { generation: rev.generation, hashes: [rev.hash, tombstone.hash] },
        version
      ).tree,
      rev
    }))
  }
  return Either.flatMap(nextRev(parent, version), (rev) => {
    const path = { generation: rev.generation, hashes: [rev.hash, ...document.hashes] }
    const { merged, tree: next } = RevisionTree.merge(tree, path, version)
    return merged === "leaf" ? Either.right({ tree: next, rev }) : Either.left(conflict)
  })
}

/**
 * Writes documents as a client edits them: each must extend a leaf, create a document, or create a deleted one again.
 * An invalid attachment stub fails the whole request. Every other error concerns one document only.
 */
export const edit = (
  server: Server,
  database: Database,
  user: UserContext,
  documents: ReadonlyArray<Incoming>
): Checked<ReadonlyArray<Outcome>> => {
  const outcomes: Array<Outcome> = documents.map(() => Either.left(noOutcome))
  const stored: Array<Pending> = []
  documents.forEach((document, index) => {
    if (document.id.startsWith("_local/")) outcomes[index] = editLocal(database, document)
    else stored.push({ index, document })
  })
  let failed: Refusal | undefined
  for (const [shard, groups] of byShard(database, stored)) {
    const plan = planShard(server, database, user, shard, groups, outcomes)
    // An error in one shard does not keep other shards from writing.
    if (Either.isLeft(plan)) failed = plan.left
    else for (const [id, prepared] of plan.right) editGroup(database, shard, id, prepared, outcomes)
  }
  resetValidatorsKnown(database, documents)
  return failed === undefined ? Either.right(outcomes) : Either.left(failed)
}

const planShard = (
  server: Server,
  database: Database,
  user: UserContext,
  shard: Shard,
  groups: ReadonlyMap<string, ReadonlyArray<Pending>>,
  outcomes: Array<Outcome>
): Checked<ReadonlyArray<readonly [string, ReadonlyArray<Prepared>]>> => {
  const plans: Array<readonly [string, ReadonlyArray<Prepared>]> = []
  const checked = needsCheck(database, shard, groups.values())
  for (const [id, group] of groups) {
    const record = database.documents.get(id)
    const prepared: Array<Prepared> = []
    for (const pending of group) {
      const { document, index } = pending
      const parent = parentOf(document)
      const held = parent === undefined || record === undefined ? undefined : RevisionTree.get(record.tree, parent)
      const refused = checked ? checkParent(record, parent) : undefined
      const stubs = document.attachments.some(({ _tag }) => _tag === "Stub")
      if (refused !== undefined && !(stubs && record === undefined)) {
        outcomes[index] = Either.left(refused)
        continue
      }
      // A write over a tombstone names no parent, and CouchDB crashes on a stub in it.
      if (stubs && record !== undefined && parent === undefined) return internalError("function_clause")
      const next = prepare(pending, held?.version, document.generation + 1)
      if (Either.isLeft(next)) return Either.left(next.left)
      if (checked) {
        const allowed = Validation.check(server, database, user, document, held)
        if (Either.isLeft(allowed)) {
          outcomes[index] = Either.left(allowed.left)
          continue
        }
        shard.validatorsKnown = true
      }
      prepared.push(next.right)
    }
    if (prepared.length > 0) plans.push([id, prepared])
  }
  return Either.right(plans)
}

const editGroup = (
  database: Database,
  shard: Shard,
  id: string,
  prepared: ReadonlyArray<Prepared>,
  outcomes: Array<Outcome>
): void => {
  const before = database.documents.get(id)?.tree ?? RevisionTree.empty
  let tree: Tree<Version> = before
  for (const document of prepared) {
    outcomes[document.index] = Either.map(merge(tree, document), (merged) => {
      tree = merged.tree
      return merged.rev
    })
  }
  storeTree(database, shard, id, before, tree)
}

const noOutcome = refusal(500, "internal_server_error", "no outcome")

const needsCheck = (database: Database, shard: Shard, groups: Iterable<ReadonlyArray<Pending>>): boolean => {
  if (!shard.validatorsKnown || database.name === "_users" || database.name === "_replicator") return true
  if (Validation.hasValidators(database)) return true
  for (const group of groups) {
    for (const { document } of group) {
      if (document.attachments.length > 0 || document.id.startsWith("_design/")) return true
    }
  }
  return false
}

const storeTree = (
  database: Database,
  shard: Shard,
  id: string,
  before: Tree<Version>,
  after: Tree<Version>
): void => {
  const stemmed = RevisionTree.stem(after, database.revsLimit)
  if (stemmed === before || (stemmed !== after && RevisionTree.same(stemmed, before))) return
  store(database, shard, id, stemmed)
}

/** A design document may add a validation function, so every shard has to check again. */
const resetValidatorsKnown = (database: Database, documents: ReadonlyArray<Incoming>): void => {
  if (!documents.some(({ id }) => id.startsWith("_design/"))) return
  for (const shard of database.shards) shard.validatorsKnown = false
}

const editLocal = (database: Database, document: Incoming): Outcome => {
  const { body, deleted, generation, hashes, id } = document
  const hash = hashes[0]
  if (deleted) {
    storeLocal(database, id, undefined)
    return Either.right({ generation: 0, hash: "0" })
  }
  if (hash !== undefined && (generation !== 0 || !/^[+-]?\d+$/.test(hash))) {
    return Either.left(refusal(500, "error", "Invalid rev format"))
  }
  const next = hash === undefined ? "1" : String(Number(hash) + 1)
  storeLocal(database, id, { id, rev: next, body })
  return Either.right({ generation: 0, hash: next })
}

/** Writes revisions as replication does: it merges every path, and returns the rejected documents only. */
export const replicate = (
  server: Server,
  database: Database,
  user: UserContext,
  documents: ReadonlyArray<Incoming>
): Checked<ReadonlyArray<{ readonly document: Incoming; readonly refusal: Refusal }>> => {
  const refused: Array<{ readonly document: Incoming; readonly refusal: Refusal }> = []
  const stored: Array<Pending> = []
  documents.forEach((document, index) => {
    if (!document.id.startsWith("_local/")) stored.push({ index, document })
    else {
      const { body, deleted, hashes, id } = document
      storeLocal(database, id, deleted ? undefined : { id, rev: hashes[0] ?? "0", body })
    }
  })
  const plans: Array<readonly [Shard, string, Tree<Version>, Tree<Version>]> = []
  for (const [shard, groups] of byShard(database, stored)) {
    const checked = needsCheck(database, shard, groups.values())
    for (const [id, group] of groups) {
      const before = database.documents.get(id)?.tree ?? RevisionTree.empty
      let tree: Tree<Version> = before
      let any = false
      for (const { document } of group) {
        const rev = parentOf(document)
        const known = rev === undefined ? undefined : RevisionTree.get(before, rev)
        if (rev === undefined || (checked && known !== undefined)) continue
        const parent = nearestStoredAncestor(before, document)
        const attachments = Attachments.resolve(id, document.attachments, parent?.version, undefined)
        if (Either.isLeft(attachments)) return Either.left(attachments.left)
        if (checked) {
          const allowed = Validation.check(server, database, user, document, parent)
          if (Either.isLeft(allowed)) {
            refused.push({ document, refusal: allowed.left })
            continue
          }
          shard.validatorsKnown = true
        }
        const version = { deleted: document.deleted, body: document.body, attachments: attachments.right }
        tree = RevisionTree.merge(tree, document, version).tree
        any = true
      }
      if (any) plans.push([shard, id, before, tree])
    }
  }
  for (const [shard, id, before, tree] of plans) storeTree(database, shard, id, before, tree)
  resetValidatorsKnown(database, documents)
  return Either.right(refused)
}

/** The nearest ancestor with stored content. */
const nearestStoredAncestor = (
  tree: Tree<Version>,
  { generation, hashes }: Incoming
): RevisionTree.Node<Version> | undefined => {
  for (let i = 1; i < hashes.length; i++) {
    const node = RevisionTree.get(tree, { generation: generation - i, hash: hashes[i] ?? "" })
    if (node?.version !== undefined) return node
  }
  return undefined
}
