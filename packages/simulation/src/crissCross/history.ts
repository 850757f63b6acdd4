import { Collection, Conflict, CouchError, Document, Lineage, Merge, type SiblingPolicy } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import { makeRandom } from "../world/random.js"
import {
  ask,
  embedded,
  type Hook,
  id,
  type Leaf,
  leavesAt,
  type Replica,
  store,
  through,
  untouched
} from "../world/replicas.js"
import { type Contained, together, wrongs } from "./groundTruth.js"
import { beginning, deciding, edited, type Effects, Note, nothing, type Place, started } from "./note.js"

/** The size of a history, and its policy. */
export interface Options {
  readonly replicas: number
  readonly steps: number
  /**
   * - `never`: overlaps are left open, and decided at the end on one replica
   * - `apart`: each replica decides overlaps at once, some by the greater and some by the lesser value
   * - `alike`: all replicas decide overlaps at once by the same value
   */
  readonly decides: "never" | "apart" | "alike"
}

/** The errors of a history, and the kinds of merge bases in it. */
export interface Outcome {
  readonly wrong: ReadonlyArray<string>
  readonly diverged: ReadonlyArray<string>
  readonly deferred: ReadonlyArray<string>
  /** The number of written merges. */
  readonly merges: number
  /** Merges whose base is itself a merge of several revisions. */
  readonly crissCross: number
  /** The greatest depth of nested bases. */
  readonly deepest: number
  readonly decisions: number
  /** How many decisions a user made at the end. */
  readonly byPerson: number
  /** How many fields of leaves were checked, and how many were not because they had been decided. */
  readonly judged: number
  readonly unjudged: number
  readonly rounds: number
}

const bodyOf = ({ doc }: Leaf): { readonly [key: string]: unknown } =>
  Object.fromEntries(Object.entries(doc).filter(([key]) => !key.startsWith("_")))

const noteOf = (leaf: Leaf): Note => bodyOf(leaf) as unknown as Note

const versionOf = (leaf: Leaf): Lineage.Version => ({
  id,
  rev: leaf.rev,
  path: leaf.path as Lineage.Version["path"],
  deleted: leaf.deleted,
  body: bodyOf(leaf) as Lineage.Version["body"],
  files: {}
})

const settings = Lineage.settings()

/** The depth of nested bases. */
const depthOf = (value: Lineage.Value): number =>
  value._tag === "Content" ? 0 : Math.max(
    value.base === undefined || value.base._tag === "Content" ? 0 : 1 + depthOf(value.base),
    depthOf(value.mine),
    depthOf(value.theirs)
  )

const died = new CouchError.TransportError({
  method: "POST",
  path: "",
  reason: "Connection",
  description: "the resolver died"
})

/** Crashes the resolver between its two writes, if `dies`. */
const dying = (dies: boolean): Hook => {
  let writes = 0
  return (request, pass) =>
    Effect.suspend(() =>
      request.path.includes("/_bulk_docs") && ++writes > 1 && dies ? Effect.fail(died) : pass(request)
    )
}

const mostRounds = 12

/** Runs the history of a seed. */
export const history = (seed: number, { decides, replicas: size, steps }: Options): Effect.Effect<Outcome> =>
  Effect.gen(function*() {
    const dice = makeRandom(seed)
    const { replicas } = yield* embedded(seed, Array.from({ length: size }, () => ({})))
    const notesOf = ({ place }: Replica) => Collection.make(place.database, Note, { lineage: settings })
    const effects = new Map<string, Effects>()
    const contained = new Map<string, Contained>()
    const of = (rev: string): Contained => contained.get(rev) ?? { edits: new Set(), decided: new Set() }
    const wrong: Array<string> = []
    let merges = 0
    let crissCross = 0
    let deepest = 0
    let decisions = 0
    let judged = 0
    let unjudged = 0
    let byPerson = 0
    const bySaving = dice(2) === 0

    const judge = (leaf: Leaf): void => {
      const truth = of(leaf.rev)
      for (const place of ["text", "lines"]) {
        if (truth.decided.has(place)) unjudged++
        else judged++
      }
      wrong.push(
        ...wrongs(noteOf(leaf), truth, (edit) => effects.get(edit) ?? started).map((why) => `${leaf.rev}: ${why}`)
      )
    }

    const wrote = (
      replica: Replica,
      name: string,
      over: Document.Document<Note>,
      made: readonly [Note, Effects],
      decided: ReadonlyArray<Place> = []
    ) =>
      Effect.gen(function*() {
        const saved = yield* through(
          replica,
          untouched,
          Effect.either(Document.save(Document.modify(over, () => made[0])))
        )
        if (Either.isLeft(saved)) return
        const rev = Option.getOrElse(saved.right.rev, () => "")
        const from = Option.getOrElse(over.rev, () => "")
        // A save without changes writes nothing.
        if (rev === from) return
        const before = of(from)
        effects.set(name, made[1])
        contained.set(rev, {
          edits: new Set([...before.edits, name]),
          decided: new Set([...before.decided, ...decided])
        })
      })

    const edit = (replica: Replica, name: string) =>
      Effect.gen(function*() {
        const leaves = (yield* leavesAt(replica)).filter(({ deleted }) => !deleted)
        const leaf = leaves[dice(Math.max(1, leaves.length))]
        if (leaf === undefined) return
        const read = yield* through(
          replica,
          untouched,
          Effect.orDie(Document.fetch(notesOf(replica), id, { rev: leaf.rev }))
        )
        yield* wrote(replica, name, read, edited(read.body, name, dice))
      })

    const resolve = (replica: Replica, policy: "merge" | "greater" | "lesser", dies: boolean) =>
      Effect.gen(function*() {
        const before = yield* leavesAt(replica)
        const plan = Lineage.plan(Lineage.knowledge(settings, before.map(versionOf)), before.map(versionOf), "editWins")
        const decided = new Set<Place>()
        const by: SiblingPolicy.SiblingPolicy<Note> | Merge.Merge<Note> = policy === "merge"
          ? Merge.make(Note)
          : deciding(policy, (place) => {
            decided.add(place)
          })
        const outcome = yield* through(replica, dying(dies), Effect.either(Conflict.resolve(notesOf(replica), id, by)))
        for (const leaf of yield* leavesAt(replica)) {
          const field = leaf.doc["lineage"] as Record<string, unknown> | undefined
          if (leaf.deleted || field?.["kind"] !== "merge" || before.some(({ rev }) => rev === leaf.rev)) continue
          const from = [field["parent"], ...(field["also"] ?? []) as ReadonlyArray<unknown>].map(String)
          const whole = together(from.map(of))
          merges++
          if (decided.size > 0) decisions++
          if (plan._tag === "Merge" && depthOf(plan.value) > 0) crissCross++
          if (plan._tag === "Merge") deepest = Math.max(deepest, depthOf(plan.value))
          contained.set(leaf.rev, { ...whole, decided: new Set([...whole.decided, ...decided]) })
          judge(leaf)
        }
        return outcome
      })

    const policyAt = (replica: Replica): "merge" | "greater" | "lesser" =>
      decides === "never" ? "merge" : decides === "alike" || replicas.indexOf(replica) % 2 === 0 ? "greater" : "lesser"

    const replicate = (from: Replica, to: Replica) => Effect.flatMap(leavesAt(from), (leaves) => store(to, leaves))

    const everywhere = Effect.forEach(
      replicas,
      (from) => Effect.forEach(replicas, (to) => from === to ? Effect.void : replicate(from, to))
    )

    /** Replicates and resolves until nothing changes any more. */
    const rest = Effect.gen(function*() {
      let before = ""
      for (let rounds = 1; rounds <= mostRounds; rounds++) {
        yield* everywhere
        const outcomes = yield* Effect.forEach(replicas, (replica) => resolve(replica, policyAt(replica), false))
        const now = JSON.stringify(
          yield* Effect.forEach(
            replicas,
            (replica) => Effect.map(leavesAt(replica), (leaves) => leaves.map(({ rev }) => rev).sort())
          )
        )
        if (now === before) return { outcomes, rounds }
        before = now
      }
      return { outcomes: [], rounds: mostRounds }
    })

    const [one] = replicas
    if (one === undefined) return yield* Effect.dieMessage("a history needs a replica")
    const made = yield* through(one, untouched, Effect.orDie(Document.create(notesOf(one), id, beginning)))
    effects.set("begin", started)
    contained.set(Option.getOrElse(made.rev, () => ""), { edits: new Set(["begin"]), decided: new Set() })
    yield* everywhere

    for (let i = 1; i <= steps; i++) {
      const here = replicas[dice(size)] ?? one
      const there = replicas[dice(size)] ?? one
      const what = dice(100)
      if (what < 36) yield* edit(here, `${i}`)
      else if (what < 66) yield* here === there ? Effect.void : replicate(here, there)
      else if (what < 96) yield* resolve(here, policyAt(here), dice(100) < 50)
      else yield* ask(here, "POST", "/_compact", {})
    }

    /** Edits all leaves so that they equal one of them. */
    const giveWay = (replica: Replica, name: string) =>
      Effect.gen(function*() {
        const [one, ...others] = (yield* leavesAt(replica)).filter(({ deleted }) => !deleted)
        if (one === undefined) return
        const note = noteOf(one)
        for (const [i, other] of others.entries()) {
          const read = yield* through(
            replica,
            untouched,
            Effect.orDie(Document.fetch(notesOf(replica), id, { rev: other.rev }))
          )
          const keys = [...read.body.list, ...note.list].map(({ id }) => `list ${id}`)
          yield* wrote(replica, `${name}.${i}`, read, [{ ...note }, nothing], ["text", "lines", ...keys])
        }
      })

    let { outcomes, rounds } = yield* rest
    const isDeferred = (outcome: (typeof outcomes)[number]) =>
      Either.isRight(outcome) && outcome.right._tag === "Deferred" && outcome.right.reason._tag === "Overlap"
    // A user decides on any replica. The other replicas go on merging without decisions.
    for (let i = 1; decides === "never" && i <= mostRounds && outcomes.some(isDeferred); i++) {
      const replica = replicas[dice(size)] ?? one
      yield* bySaving ? giveWay(replica, `person ${i}`) : resolve(replica, dice(2) === 0 ? "greater" : "lesser", false)
      byPerson++
      const after = yield* rest
      outcomes = after.outcomes
      rounds = Math.max(rounds, after.rounds)
    }
    const ends = yield* Effect.forEach(
      replicas,
      (replica) => Effect.map(leavesAt(replica), (leaves) => leaves.filter(({ deleted }) => !deleted))
    )
    for (const leaf of ends.flat()) judge(leaf)
    const states = new Set(ends.map((leaves) => leaves.map(({ rev }) => rev).sort().join(" ")))
    const bodies = new Set(ends.map((leaves) => JSON.stringify(leaves.map(noteOf))))
    const all = new Set(effects.keys())
    const whole = ends.map((leaves) => together(leaves.map(({ rev }) => of(rev))))
    return {
      wrong: [
        ...wrong,
        ...whole.flatMap(({ edits }, i) =>
          edits.size === all.size ? [] : [`replica ${i} contains ${edits.size} of ${all.size} edits`]
        )
      ],
      diverged: [
        ...(states.size === 1 && bodies.size === 1 ? [] : [Array.from(states).join(" | ")]),
        ...ends.flatMap((leaves, i) => leaves.length === 1 ? [] : [`replica ${i}: ${leaves.length} versions stand`]),
        ...(rounds >= mostRounds ? ["no rest"] : [])
      ],
      deferred: outcomes.flatMap((outcome) =>
        Either.isLeft(outcome)
          ? [String(outcome.left)]
          : outcome.right._tag === "Deferred"
          ? [`${outcome.right.reason._tag}: ${JSON.stringify(outcome.right.reason)}`]
          : []
      ),
      merges,
      crissCross,
      deepest,
      decisions,
      byPerson,
      judged,
      unjudged,
      rounds
    }
  }).pipe(Effect.withRandom(Random.make(seed)))
