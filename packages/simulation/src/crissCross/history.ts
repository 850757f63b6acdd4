import { Collection, Conflict, CouchError, Document, Merge, type SiblingPolicy } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Lineage from "../../../couchdb/test/support/lineageInternals.js"
import { makeRandom } from "../world/random.js"
import {
  embeddedWorld,
  type Hook,
  id,
  type Leaf,
  leavesAt,
  noHook,
  type Replica,
  sendRequest,
  withHook,
  writeLeaves
} from "../world/replicas.js"
import { type Contained, errorsIn, union } from "./groundTruth.js"
import {
  type DecidedPart,
  decidingPolicy,
  edited,
  type Effects,
  initialEffects,
  initialNote,
  noEffects,
  Note
} from "./note.js"

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
  readonly checked: number
  readonly unchecked: number
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

const crashError = new CouchError.TransportError({
  method: "POST",
  path: "",
  reason: "Connection",
  description: "the resolver died"
})

/** Crashes the resolver between its two writes, if `dies`. */
const crashHook = (crashes: boolean): Hook => {
  let writes = 0
  return (request, pass) =>
    Effect.suspend(() =>
      request.path.includes("/_bulk_docs") && ++writes > 1 && crashes ? Effect.fail(crashError) : pass(request)
    )
}

const maxRounds = 12

type Figures = {
  -readonly [Name in "merges" | "crissCross" | "deepest" | "decisions" | "byPerson" | "checked" | "unchecked"]: number
}

/** A running history. */
interface Run {
  readonly options: Options
  readonly random: (bound: number) => number
  readonly replicas: ReadonlyArray<Replica>
  readonly effects: Map<string, Effects>
  readonly contained: Map<string, Contained>
  readonly wrong: Array<string>
  readonly figures: Figures
}

type Policy = "merge" | "greater" | "lesser"

const notesOf = ({ place }: Replica) => Collection.make(place.database, Note, { lineage: settings })

const containedIn = ({ contained }: Run, rev: string): Contained =>
  contained.get(rev) ?? { edits: new Set(), decided: new Set() }

const live = (replica: Replica): Effect.Effect<ReadonlyArray<Leaf>> =>
  Effect.map(leavesAt(replica), (leaves) => leaves.filter(({ deleted }) => !deleted))

const readLeaf = (replica: Replica, { rev }: Leaf): Effect.Effect<Document.Document<Note>> =>
  withHook(replica, noHook, Effect.orDie(Document.fetch(notesOf(replica), id, { rev })))

/** Checks a leaf against the real history. */
const check = (run: Run, leaf: Leaf): void => {
  const truth = containedIn(run, leaf.rev)
  for (const place of ["text", "lines"]) {
    if (truth.decided.has(place)) run.figures.unchecked++
    else run.figures.checked++
  }
  const errors = errorsIn(noteOf(leaf), truth, (edit) => run.effects.get(edit) ?? initialEffects)
  run.wrong.push(...errors.map((why) => `${leaf.rev}: ${why}`))
}

/** Saves an edit, and records what its revision contains. */
const save = (
  run: Run,
  replica: Replica,
  name: string,
  over: Document.Document<Note>,
  [note, effects]: readonly [Note, Effects],
  decided: ReadonlyArray<DecidedPart> = []
): Effect.Effect<void> =>
  Effect.gen(function*() {
    const saved = yield* withHook(replica, noHook, Effect.either(Document.save(Document.modify(over, () => note))))
    if (Either.isLeft(saved)) return
    const rev = Option.getOrElse(saved.right.rev, () => "")
    const from = Option.getOrElse(over.rev, () => "")
    // A save without changes writes nothing.
    if (rev === from) return
    const before = containedIn(run, from)
    run.effects.set(name, effects)
    run.contained.set(rev, {
      edits: new Set([...before.edits, name]),
      decided: new Set([...before.decided, ...decided])
    })
  })

const edit = (run: Run, replica: Replica, name: string): Effect.Effect<void> =>
  Effect.gen(function*() {
    const leaves = yield* live(replica)
    const leaf = leaves[run.random(Math.max(1, leaves.length))]
    if (leaf === undefined) return
    const read = yield* readLeaf(replica, leaf)
    yield* save(run, replica, name, read, edited(read.body, name, run.random))
  })

const resolve = (run: Run, replica: Replica, policy: Policy, crashes: boolean) =>
  Effect.gen(function*() {
    const { contained, figures } = run
    const before = yield* leavesAt(replica)
    const plan = Lineage.plan(Lineage.buildIndex(settings, before.map(versionOf)), before.map(versionOf), "editWins")
    const decided = new Set<DecidedPart>()
    const by: SiblingPolicy.SiblingPolicy<Note> | Merge.Merge<Note> = policy === "merge"
      ? Merge.make(Note)
      : decidingPolicy(policy, (place) => {
        decided.add(place)
      })
    const outcome = yield* withHook(
      replica,
      crashHook(crashes),
      Effect.either(Conflict.resolve(notesOf(replica), id, by))
    )
    for (const leaf of yield* live(replica)) {
      const field = leaf.doc["lineage"] as Record<string, unknown> | undefined
      if (field?.["kind"] !== "merge" || before.some(({ rev }) => rev === leaf.rev)) continue
      const from = [field["parent"], ...(field["also"] ?? []) as ReadonlyArray<unknown>].map(String)
      const whole = union(from.map((rev) => containedIn(run, rev)))
      figures.merges++
      if (decided.size > 0) figures.decisions++
      if (plan._tag === "Merge" && depthOf(plan.value) > 0) figures.crissCross++
      if (plan._tag === "Merge") figures.deepest = Math.max(figures.deepest, depthOf(plan.value))
      contained.set(leaf.rev, { ...whole, decided: new Set([...whole.decided, ...decided]) })
      check(run, leaf)
    }
    return outcome
  })

type Resolutions = ReadonlyArray<Effect.Effect.Success<ReturnType<typeof resolve>>>

const policyAt = ({ options: { decides }, replicas }: Run, replica: Replica): Policy =>
  decides === "never" ? "merge" : decides === "alike" || replicas.indexOf(replica) % 2 === 0 ? "greater" : "lesser"

const replicate = (from: Replica, to: Replica) => Effect.flatMap(leavesAt(from), (leaves) => writeLeaves(to, leaves))

const replicateAll = ({ replicas }: Run): Effect.Effect<void> =>
  Effect.forEach(
    replicas,
    (from) => Effect.forEach(replicas, (to) => from === to ? Effect.void : replicate(from, to)),
    { discard: true }
  )

/** Replicates and resolves until nothing changes any more. */
const converge = (run: Run): Effect.Effect<{ readonly outcomes: Resolutions; readonly rounds: number }> =>
  Effect.gen(function*() {
    const { replicas } = run
    let before = ""
    for (let rounds = 1; rounds <= maxRounds; rounds++) {
      yield* replicateAll(run)
      const outcomes = yield* Effect.forEach(
        replicas,
        (replica) => resolve(run, replica, policyAt(run, replica), false)
      )
      const now = JSON.stringify(
        yield* Effect.forEach(
          replicas,
          (replica) => Effect.map(leavesAt(replica), (leaves) => leaves.map(({ rev }) => rev).sort())
        )
      )
      if (now === before) return { outcomes, rounds }
      before = now
    }
    return { outcomes: [], rounds: maxRounds }
  })

/** Edits all leaves so that they equal one of them. */
const makeEqual = (run: Run, replica: Replica, name: string): Effect.Effect<void> =>
  Effect.gen(function*() {
    const [one, ...others] = yield* live(replica)
    if (one === undefined) return
    const note = noteOf(one)
    for (const [i, other] of others.entries()) {
      const read = yield* readLeaf(replica, other)
      const keys = [...read.body.list, ...note.list].map(({ id }) => `list ${id}`)
      yield* save(run, replica, `${name}.${i}`, read, [{ ...note }, noEffects], ["text", "lines", ...keys])
    }
  })

const isOverlap = (outcome: Resolutions[number]): boolean =>
  Either.isRight(outcome) && outcome.right._tag === "Unresolved" && outcome.right.reason._tag === "Overlap"

const runStep = (run: Run, first: Replica, name: string): Effect.Effect<unknown> => {
  const { random, replicas } = run
  const here = replicas[random(replicas.length)] ?? first
  const there = replicas[random(replicas.length)] ?? first
  const kind = random(100)
  if (kind < 36) return edit(run, here, name)
  if (kind < 66) return here === there ? Effect.void : replicate(here, there)
  if (kind < 96) return resolve(run, here, policyAt(run, here), random(100) < 50)
  return sendRequest(here, "POST", "/_compact", {})
}

/** Lets a user decide the remaining overlaps on any replica. The other replicas go on merging without decisions. */
const decideByUser = (
  run: Run,
  first: Replica,
  bySaving: boolean,
  begin: Effect.Effect.Success<ReturnType<typeof converge>>
) =>
  Effect.gen(function*() {
    const { options, random, replicas } = run
    let { outcomes, rounds } = begin
    for (let i = 1; options.decides === "never" && i <= maxRounds && outcomes.some(isOverlap); i++) {
      const replica = replicas[random(replicas.length)] ?? first
      yield* bySaving
        ? makeEqual(run, replica, `person ${i}`)
        : resolve(run, replica, random(2) === 0 ? "greater" : "lesser", false)
      run.figures.byPerson++
      const after = yield* converge(run)
      outcomes = after.outcomes
      rounds = Math.max(rounds, after.rounds)
    }
    return { outcomes, rounds }
  })

const outcomeOf = (
  run: Run,
  ends: ReadonlyArray<ReadonlyArray<Leaf>>,
  outcomes: Resolutions,
  rounds: number
): Outcome => {
  const states = new Set(ends.map((leaves) => leaves.map(({ rev }) => rev).sort().join(" ")))
  const bodies = new Set(ends.map((leaves) => JSON.stringify(leaves.map(noteOf))))
  const all = new Set(run.effects.keys())
  const whole = ends.map((leaves) => union(leaves.map(({ rev }) => containedIn(run, rev))))
  return {
    wrong: [
      ...run.wrong,
      ...whole.flatMap(({ edits }, i) =>
        edits.size === all.size ? [] : [`replica ${i} contains ${edits.size} of ${all.size} edits`]
      )
    ],
    diverged: [
      ...(states.size === 1 && bodies.size === 1 ? [] : [Array.from(states).join(" | ")]),
      ...ends.flatMap((leaves, i) => leaves.length === 1 ? [] : [`replica ${i} has ${leaves.length} live leaves`]),
      ...(rounds >= maxRounds ? ["did not converge"] : [])
    ],
    deferred: outcomes.flatMap((outcome) =>
      Either.isLeft(outcome)
        ? [String(outcome.left)]
        : outcome.right._tag === "Unresolved"
        ? [`${outcome.right.reason._tag}: ${JSON.stringify(outcome.right.reason)}`]
        : []
    ),
    ...run.figures,
    rounds
  }
}

/** Runs the history of a seed. */
export const history = (seed: number, options: Options): Effect.Effect<Outcome> =>
  Effect.gen(function*() {
    const random = makeRandom(seed)
    const { replicas } = yield* embeddedWorld(seed, Array.from({ length: options.replicas }, () => ({})))
    const figures = { merges: 0, crissCross: 0, deepest: 0, decisions: 0, byPerson: 0, checked: 0, unchecked: 0 }
    const run: Run = { options, random, replicas, effects: new Map(), contained: new Map(), wrong: [], figures }
    const bySaving = random(2) === 0
    const [first] = replicas
    if (first === undefined) return yield* Effect.dieMessage("a history needs a replica")
    const created = yield* withHook(first, noHook, Effect.orDie(Document.create(notesOf(first), id, initialNote)))
    run.effects.set("begin", initialEffects)
    run.contained.set(Option.getOrElse(created.rev, () => ""), { edits: new Set(["begin"]), decided: new Set() })
    yield* replicateAll(run)
    for (let i = 1; i <= options.steps; i++) yield* runStep(run, first, `${i}`)
    const { outcomes, rounds } = yield* decideByUser(run, first, bySaving, yield* converge(run))
    const ends = yield* Effect.forEach(replicas, live)
    for (const leaf of ends.flat()) check(run, leaf)
    return outcomeOf(run, ends, outcomes, rounds)
  }).pipe(Effect.withRandom(Random.make(seed)))
