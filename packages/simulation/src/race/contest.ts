import { Conflict, CouchError, Document, Json as CouchJson, Revision, type SiblingPolicy } from "effect-couchdb"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { Card } from "../world/card.js"
import { applyEdit, weightOf } from "../world/edits.js"
import { type Truth, union } from "../world/groundTruth.js"
import {
  type Doc,
  type Hook,
  type Json,
  type Leaf,
  leavesAt,
  type Replica,
  sendRequest,
  withHook
} from "../world/replicas.js"
import type { Step } from "../world/steps.js"
import { type Contents, makeContents } from "./copies.js"

/** A sent edit. It counts if the server confirmed it, or if its revision exists. */
interface Sent {
  readonly name: string
  readonly weight: number
  readonly rev: string
  stored: boolean
}

/** A document on which two resolvers race. */
export interface RaceDocument {
  readonly id: string
  readonly truth: Truth
  /** Leaves that are written after the race has begun. */
  readonly late: Array<Leaf>
  readonly edits: Array<Sent>
  /** The writes of resolvers, for replay. */
  readonly writes: Array<string>
  /** The contents that resolvers sent, by revision. */
  readonly sent: Contents
  /** Writes that were accepted without a quorum. */
  readonly accepted: Array<string>
}

export const makeDocument = (id: string, truth: Truth, late: ReadonlyArray<Leaf>): RaceDocument => ({
  id,
  truth,
  late: [...late],
  edits: [],
  writes: [],
  sent: makeContents(),
  accepted: []
})

/** Writes leaves under the id of the document, as replication does. */
export const writeLeaves = ({ id }: RaceDocument, replica: Replica, leaves: ReadonlyArray<Leaf>): Effect.Effect<void> =>
  leaves.length === 0
    ? Effect.void
    : Effect.asVoid(
      sendRequest(replica, "POST", "/_bulk_docs", {
        new_edits: false,
        docs: leaves.map(({ doc }) => ({ ...doc, _id: id }))
      })
    )

type Written = { readonly docs?: ReadonlyArray<Doc>; readonly new_edits?: boolean }

const isWrite = (path: string): boolean => path.includes("/_bulk_docs")

/** Records which edits each sent merge contains. */
const recordWrites = ({ sent, truth, writes }: RaceDocument, body: string): void => {
  writes.push(body)
  const { docs = [], new_edits } = JSON.parse(body) as Written
  for (const doc of new_edits === false ? docs : []) {
    const rev = String(doc["_rev"])
    const record = doc["lineage"] as { readonly [key: string]: Json } | undefined
    const from = [record?.["parent"], ...((record?.["also"] ?? []) as ReadonlyArray<Json>)]
    truth.wrote(rev, union(from.map((each) => truth.of(String(each)))))
    sent.add(rev, doc)
  }
}

const recordAccepted = (
  { accepted }: RaceDocument,
  request: Parameters<Hook>[0],
  pass: Parameters<Hook>[1]
): ReturnType<Hook> =>
  Effect.tap(pass(request), ({ status }) => {
    if (status === 202) accepted.push(request.path)
    return Effect.void
  })

/** Resolves the document. The first write waits for the gate, and the second one fails if `crashes`. */
export const resolveAt = (
  document: RaceDocument,
  replica: Replica,
  policy: SiblingPolicy.SiblingPolicy<Card>,
  { crashes = false, gate = Effect.void }: { readonly crashes?: boolean; readonly gate?: Effect.Effect<void> } = {}
): Effect.Effect<Either.Either<Conflict.Resolution<Card>, unknown>> => {
  let count = 0
  const hook: Hook = (request, pass) => {
    if (!isWrite(request.path)) return pass(request)
    count++
    const first = count === 1
    const send = Effect.suspend(() => {
      if (crashes && !first) {
        return Effect.fail(
          new CouchError.TransportError({
            method: request.method,
            path: request.path,
            reason: "Connection",
            description: "the resolver died"
          })
        )
      }
      recordWrites(document, String(request.body))
      return recordAccepted(document, request, pass)
    })
    return first ? Effect.zipRight(gate, send) : send
  }
  return withHook(replica, hook, Effect.either(Conflict.resolve(replica.cards, document.id, policy)))
}

/** Sends all writes of resolvers again. */
export const replay = ({ id, writes }: RaceDocument, replica: Replica): Effect.Effect<number> =>
  Effect.gen(function*() {
    const again = writes.slice()
    for (const body of again) {
      const { status } = yield* sendRequest(replica, "POST", "/_bulk_docs", JSON.parse(body))
      if (status >= 400) yield* Effect.dieMessage(`${id}: a write was refused when it was sent again: ${status}`)
    }
    return again.length
  })

const bodyOf = (text: string): CouchJson.JsonObject =>
  Either.match(CouchJson.parse(text), {
    onLeft: () => ({}),
    onRight: (json) =>
      CouchJson.isObject(json)
        ? CouchJson.fromEntries(CouchJson.entries(json).filter(([key]) => !key.startsWith("_")))
        : {}
  })

/** The live leaves on a node. */
const liveLeavesAt = ({ id }: RaceDocument, replica: Replica): Effect.Effect<ReadonlyArray<Leaf>> =>
  Effect.map(leavesAt(replica, id), (leaves) => leaves.filter(({ deleted }) => !deleted))

/** Edits one of the live leaves, which may be a losing one. */
export const editAt = (document: RaceDocument, replica: Replica, step: Step): Effect.Effect<void> =>
  Effect.flatMap(liveLeavesAt(document, replica), (standing) => {
    const leaf = standing[(step.dice[0] ?? 0) % Math.max(1, standing.length)]
    return leaf === undefined ? Effect.void : editLeaf(document, replica, step, leaf)
  })

/** Edits one leaf through several nodes at the same time. All but one edit are rejected, and stored as siblings. */
export const editConcurrently = (
  document: RaceDocument,
  replicas: ReadonlyArray<Replica>,
  step: Step
): Effect.Effect<void> =>
  Effect.gen(function*() {
    const [first] = replicas
    const standing = first === undefined ? [] : yield* liveLeavesAt(document, first)
    const leaf = standing[(step.dice[0] ?? 0) % Math.max(1, standing.length)]
    if (leaf === undefined) return
    const read = yield* Effect.forEach(replicas, () => Deferred.make<void>())
    yield* Effect.forEach(replicas, (replica, i) => {
      const arrived = Effect.forEach(read.slice(i, i + 1), (mine) => Deferred.succeed(mine, undefined))
      return editLeaf(
        document,
        replica,
        { ...step, dice: step.dice.map((die) => die + i), name: `${step.name}-${i + 1}` },
        leaf,
        // All clients have read before one of them writes.
        Effect.zipRight(arrived, Effect.forEach(read, Deferred.await, { discard: true }))
      ).pipe(Effect.ensuring(arrived))
    }, { concurrency: "unbounded", discard: true })
  })

/**
 * The revision is predicted before the edit is sent, because nodes that disagree may reject an edit that one of them
 * stores. A rejected edit is stored as a sibling.
 */
const editLeaf = (
  document: RaceDocument,
  replica: Replica,
  step: Step,
  leaf: Leaf,
  gate: Effect.Effect<void> = Effect.void
): Effect.Effect<void> =>
  Effect.gen(function*() {
    const { edits, id, truth } = document
    const weight = weightOf(step)
    const sent: Array<Sent> = []
    const hook: Hook = (request, pass) => {
      if (request.method !== "PUT") return pass(request)
      const body = String(request.body)
      const rev = request.path.includes("new_edits=false")
        ? String((JSON.parse(body) as Doc)["_rev"])
        : Option.getOrElse(Revision.predict({ parent: Option.some(leaf.rev), body: bodyOf(body) }), () => "")
      const contained = truth.of(leaf.rev)
      truth.wrote(rev, { ...contained, edits: new Set([...contained.edits, step.name]) })
      const one = { name: step.name, weight, rev, stored: false }
      sent.push(one)
      edits.push(one)
      return recordAccepted(document, request, pass)
    }
    const saved = yield* withHook(
      replica,
      hook,
      Document.fetch(replica.cards, id, { rev: leaf.rev }).pipe(
        Effect.map(Document.modify((card) => applyEdit(card, step, weight))),
        Effect.tap(() => gate),
        Effect.flatMap(Document.save),
        Effect.catchTag("ConflictError", Conflict.fork),
        Effect.either
      )
    )
    if (Either.isLeft(saved)) return
    const rev = Option.getOrUndefined(saved.right.rev)
    const found = sent.find((each) => each.rev === rev)
    if (found === undefined) yield* Effect.dieMessage(`${id}: an edit was to be ${sent[0]?.rev}, and is ${rev}`)
    else found.stored = true
  })
