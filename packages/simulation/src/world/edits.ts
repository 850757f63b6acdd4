import { Document, Json as CouchJson } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Lineage from "../../../couchdb/test/support/lineageInternals.js"
import type { Card } from "./card.js"
import { empty } from "./card.js"
import { emptyContent, type Truth, union } from "./groundTruth.js"
import { type Doc, id, type Leaf, leavesAt, noHook, type Replica, sendRequest, withHook } from "./replicas.js"
import type { Step } from "./steps.js"

const at = (dice: ReadonlyArray<number>, i: number): number => dice[i] ?? 0

const pick = <A>(all: ReadonlyArray<A>, die: number): A | undefined => all[die % Math.max(1, all.length)]

/** Applies an edit to a card. It always changes `count` and `seen`, and some of the other fields. */
export const applyEdit = (card: Card, { dice, name }: Step, weight: number): Card => {
  const one = at(dice, 1)
  const word = `w${at(dice, 2) % 50}`
  const words = card.text.split(" ")
  const i = at(dice, 3) % Math.max(1, words.length)
  const item = pick(card.list, at(dice, 4))
  return {
    count: card.count + weight,
    seen: [...card.seen, name],
    tags: one % 3 === 0
      ? [...card.tags.filter((tag) => tag !== word), word]
      : one % 3 === 1
      ? card.tags.slice(1)
      : card.tags,
    list: one % 5 === 0
      ? [...card.list, { key: name, text: word }]
      : one % 5 === 1
      ? card.list.slice(1)
      : one % 5 === 2
      ? card.list.map((each) => each === item ? { ...each, text: word } : each)
      : one % 5 === 3
      ? [...card.list].reverse()
      : card.list,
    text: one % 4 === 0 ? words.map((each, j) => j === i ? word : each).join(" ") : card.text,
    register: one % 4 === 1 ? word : card.register
  }
}

export const weightOf = ({ dice }: Step): number => 1 + at(dice, 5) % 9

const live = (leaves: ReadonlyArray<Leaf>): ReadonlyArray<Leaf> => leaves.filter(({ deleted }) => !deleted)

/** Edits one of the live leaves through the library, possibly a losing one. */
export const edit = (truth: Truth, replica: Replica, step: Step, version: number) =>
  Effect.gen(function*() {
    const leaf = pick(live(yield* leavesAt(replica)), at(step.dice, 0))
    if (leaf === undefined) return
    const weight = weightOf(step)
    const saved = yield* withHook(
      replica,
      (request, pass) => pass(version === 1 ? request : withNewerFormat(request, version)),
      Document.fetch(replica.cards, id, { rev: leaf.rev }).pipe(
        Effect.map(Document.modify((card) => applyEdit(card, step, weight))),
        Effect.flatMap(Document.save),
        Effect.either
      )
    )
    if (Either.isLeft(saved)) return
    const contained = truth.of(leaf.rev)
    truth.weigh(step.name, weight)
    truth.wrote(Option.getOrElse(saved.right.rev, () => ""), {
      ...contained,
      edits: new Set([...contained.edits, step.name])
    })
  })

/** Imitates a record of a later format, which this version cannot read. */
const withNewerFormat = <A extends { readonly method: string; readonly body?: unknown }>(
  request: A,
  version: number
): A =>
  request.method === "PUT" && typeof request.body === "string"
    ? { ...request, body: request.body.replace(/"v":1\}(?=\}$)/, `"v":${version}}`) }
    : request

/** Edits the winner like a program without lineage: it changes the fields that it knows. */
export const editWithoutLineage = (truth: Truth, replica: Replica, step: Step, keeps: boolean) =>
  Effect.gen(function*() {
    const { json, status } = yield* sendRequest(replica, "GET", `/${id}`)
    if (status !== 200) return
    const doc = json as Doc
    const weight = weightOf(step)
    const { _id, _rev, lineage, ...body } = doc
    const written = yield* sendRequest(replica, "PUT", `/${id}?rev=${String(_rev)}`, {
      _id,
      ...applyEdit(body as unknown as Card, step, weight),
      ...(keeps && lineage !== undefined && { lineage })
    })
    const rev = (written.json as { readonly rev?: string }).rev
    if (rev === undefined) return
    const contained = truth.of(String(_rev))
    truth.weigh(step.name, weight)
    truth.wrote(rev, { ...contained, edits: new Set([...contained.edits, step.name]) })
  })

export const remove = (truth: Truth, replica: Replica, step: Step) =>
  Effect.gen(function*() {
    const leaf = pick(live(yield* leavesAt(replica)), at(step.dice, 0))
    if (leaf === undefined) return
    const tombstone = yield* withHook(
      replica,
      noHook,
      Document.fetch(replica.cards, id, { rev: leaf.rev }).pipe(Effect.flatMap(Document.delete), Effect.either)
    )
    if (Either.isLeft(tombstone)) return
    const contained = truth.of(leaf.rev)
    truth.deletion(contained)
    truth.wrote(tombstone.right.rev, contained)
  })

/** Creates a deleted document again. The new revision contains none of the deleted edits. */
export const recreate = (truth: Truth, replica: Replica, step: Step) =>
  Effect.gen(function*() {
    const leaves = yield* leavesAt(replica)
    if (leaves.length === 0 || live(leaves).length > 0) return
    const weight = weightOf(step)
    const made = yield* withHook(
      replica,
      noHook,
      Effect.either(Document.create(replica.cards, id, applyEdit(empty, step, weight)))
    )
    if (Either.isLeft(made)) return
    const { rev } = made.right
    // A re-created document has seen every deletion.
    const gone = new Set(leaves.map(({ rev }) => truth.of(rev)).flatMap(({ edits, given }) => [...edits, ...given]))
    // A new counter takes back what was counted before, and adds its own weight.
    truth.weigh(step.name, weight - truth.total(gone))
    truth.wrote(Option.getOrElse(rev, () => ""), {
      ...emptyContent,
      edits: new Set([...gone, step.name]),
      given: gone
    })
  })

/** Whether an edit does not write its name into the card. */
export const isUnnamed = (edit: string): boolean => edit.endsWith("=")

/** Makes the same edit of the same revision on two replicas. They count twice, though the card does not show it. */
export const equalEdits = (truth: Truth, here: Replica, there: Replica, step: Step) =>
  Effect.gen(function*() {
    if (here === there) return
    const others = new Set((yield* leavesAt(there)).map(({ rev }) => rev))
    const leaf = pick(live(yield* leavesAt(here)).filter(({ rev }) => others.has(rev)), at(step.dice, 0))
    if (leaf === undefined) return
    const weight = weightOf(step)
    const contained = truth.of(leaf.rev)
    for (const replica of [here, there]) {
      const name = `${step.name}@${replica === here ? 1 : 2}=`
      const saved = yield* withHook(
        replica,
        noHook,
        Document.fetch(replica.cards, id, { rev: leaf.rev }).pipe(
          Effect.map(Document.modify((card) => ({ ...card, count: card.count + weight }))),
          Effect.flatMap(Document.save),
          Effect.either
        )
      )
      if (Either.isLeft(saved)) continue
      truth.weigh(name, weight)
      const rev = Option.getOrElse(saved.right.rev, () => "")
      truth.wrote(rev, union([truth.of(rev), { ...contained, edits: new Set([...contained.edits, name]) }]))
    }
  })

/**
 * Edits the winner with a false record, which claims that it contains another leaf. `unheard` claims so itself, which
 * no other record contradicts. `disputed` claims so for an ancestor, which the other leaf contradicts.
 */
export const forge = (truth: Truth, replica: Replica, step: Step, forged: "disputed" | "unheard") =>
  Effect.gen(function*() {
    const leaves = yield* leavesAt(replica)
    const [winner, other] = live(leaves)
    if (winner === undefined || other === undefined) return
    const settings = Lineage.settings()
    const knowledge = Lineage.buildIndex(settings, leaves.map(versionOf))
    const weight = weightOf(step)
    const body = applyEdit(cardOf(winner), step, weight)
    const written = Lineage.makeRecord(knowledge, {
      kind: forged === "unheard" ? "merge" : "edit",
      parent: winner.rev,
      also: forged === "unheard" ? [other.rev] : [],
      content: { body: body as unknown as CouchJson.JsonObject, files: {} },
      deleted: false,
      edit: step.name
    })
    const theirs = knowledge.records.get(other.rev)
    const shared = new Set([
      ...theirs?.path.map(({ link }) => link.rev) ?? [],
      ...theirs?.names.map(({ rev }) => rev) ?? []
    ])
    const lie = (link: Lineage.Link): Lineage.Link =>
      shared.has(link.rev) && link.rev !== other.rev ? { ...link, also: [...link.also, other.rev] } : link
    const record = forged === "unheard" ? written : {
      ...written,
      path: written.path.map((entry) => ({ ...entry, link: lie(entry.link) })),
      names: written.names.map(lie)
    }
    const { json } = yield* sendRequest(replica, "PUT", `/${id}?rev=${winner.rev}`, {
      ...body,
      lineage: JSON.parse(CouchJson.stringify(Lineage.encodeRecord(record)))
    })
    const { rev } = json as { readonly rev?: string }
    if (rev === undefined) return
    const contained = truth.of(winner.rev)
    truth.weigh(step.name, weight)
    truth.wrote(rev, { ...contained, edits: new Set([...contained.edits, step.name]) })
  })

const bodyOf = ({ doc }: Leaf): Doc => Object.fromEntries(Object.entries(doc).filter(([key]) => !key.startsWith("_")))

const cardOf = (leaf: Leaf): Card => {
  const { lineage: _, ...card } = bodyOf(leaf)
  return card as unknown as Card
}

const versionOf = (leaf: Leaf): Lineage.Version => ({
  id,
  rev: leaf.rev,
  path: leaf.path as Lineage.Version["path"],
  deleted: leaf.deleted,
  body: bodyOf(leaf) as unknown as CouchJson.JsonObject,
  files: {}
})
