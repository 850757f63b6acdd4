import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Json from "../data/Json.js"
import { hashOf } from "../data/json/canonical.js"
import * as Revision from "../data/Revision.js"
import type { Bound } from "../document/Collection.js"
import type { Document } from "../document/Document.js"
import type { Settings } from "../document/recorder.js"
import type { Version } from "../http/bulk/bulkGetVersions.js"
import type { WireError } from "../http/bulk/errors.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import type { Burial } from "../siblings/burial.js"
import type { Files } from "../siblings/files.js"
import type { Failed, Folded, Unmerged } from "../siblings/fold.js"
import { type Group, grouped } from "../siblings/groups.js"
import { stubsOf } from "../siblings/merged.js"
import { documentAt, leavesOf, type Plan, type Step } from "../siblings/plan.js"
import { stagesOf } from "../siblings/policy.js"
import type { SiblingPolicy } from "../siblings/SiblingPolicy.js"
import { type End, leaderOf, type Reason, reasonOf, remainingOf, unresolvedReasonOf } from "../siblings/unresolved.js"
import { alive } from "./alive.js"
import { evaluator } from "./evaluate.js"
import type { Fold } from "./fold.js"
import type { Missing } from "./graph.js"
import { recordOf } from "./journal.js"
import { sealed } from "./mac.js"
import { mergeRevision } from "./mergeRevision.js"
import type * as Lineage from "./model.js"
import { known, lineageVersion } from "./olderVersions.js"
import { missingRevisions, type Survey, survey } from "./plan.js"
import { encodeBurial, encodeRecord, kept, redacted, withoutField } from "./record.js"
import { holds } from "./rules.js"
import { slimField } from "./slimming.js"
import { ofDocument } from "./warnings.js"

type Rev = Revision.Revision

/**
 * The most heads that one merge takes in. Each burial of a merge names all its heads, so without a bound the size of the
 * tombstones would grow quadratically. Further heads are merged in further steps, each on top of the previous one.
 */
const mostHeads = 64

/** Heads that were mergeInSteps together so far. */
interface State<A, R> {
  readonly fold: Fold
  /** Their merged content; absent if they clash and the document is deleted anyway. */
  readonly folded: Folded<A, R> | undefined
  /** What was missing if a policy decided without it. */
  readonly guessed: Missing | undefined
}

/** Decides by lineage what is to be done about the leaves of one document, and reads what else it takes to know. */
export const planByLineage = <A, R, E, R2>(
  collection: Bound<A, R>,
  settings: Settings,
  id: string,
  versions: ReadonlyArray<Version>,
  policy: SiblingPolicy<A, E, R2>,
  atOnce = mostHeads
): Effect.Effect<Plan<A, R>, Failed<E> | WireError, CouchHttp | R | R2> =>
  Effect.gen(function*() {
    const leaves = versions.map(lineageVersion)
    yield* ofDocument(collection.database, id, leaves.length)
    const surveyOf = (knowledge: Lineage.Knowledge) => {
      const grown = extensible(knowledge)
      return { of: knowledge, grown, survey: survey(grown.knowledge, leaves, policy.rules.deleted) }
    }
    let last: ReturnType<typeof surveyOf> | undefined
    const knowledge = yield* known(
      collection.database,
      id,
      settings,
      leaves,
      leaves.flatMap(({ deleted, rev }) => deleted ? [] : [rev]),
      (knowledge) => {
        if (last?.of !== knowledge) last = surveyOf(knowledge)
        return missingRevisions(last.survey)
      }
    )
    const { grown, survey: found } = last?.of === knowledge ? last : surveyOf(knowledge)
    const writing = make(collection, settings, id, versions, grown)
    if (found.withoutMerge !== undefined) {
      return found.withoutMerge._tag === "Nothing" ? { _tag: "Nothing" } : yield* writing.bury(found.withoutMerge)
    }
    const { ends, steps } = yield* mergeInSteps(collection, id, found, policy, writing, atOnce)
    const [first, ...more] = steps
    const buried = found.burials.flatMap(writing.burialOf)
    const leader = leaderOf(ends)
    if (first === undefined && buried.length === 0) {
      return {
        _tag: "Unresolved",
        reason: unresolvedReasonOf(reasonOf(ends)),
        versions: yield* leavesOf(collection, versions),
        remaining: remainingOf(ends)
      }
    }
    const step = first ?? { lists: [], merge: Option.none(), burials: [], merged: [], withoutBase: [] }
    const document = leader === undefined ? undefined : yield* writing.documentOf(leader.rev)
    return {
      _tag: "Write",
      steps: [
        {
          ...step,
          burials: [...buried, ...step.burials],
          ...(first === undefined && document !== undefined && { document })
        },
        ...more
      ],
      heads: found.heads.filter(writing.isLeaf),
      remaining: remainingOf(ends)
    }
  })

/**
 * Merges as many heads as possible, in steps of bounded size. After each step the stored heads are exactly those that the
 * next step starts from, so another resolver that continues from there writes the same revisions.
 */
const mergeInSteps = <A, R, E, R2>(
  collection: Bound<A, R>,
  id: string,
  found: Survey,
  policy: SiblingPolicy<A, E, R2>,
  writing: ReturnType<typeof make<A, R>>,
  atOnce: number
): Effect.Effect<
  { readonly steps: ReadonlyArray<Step<A, R>>; readonly ends: ReadonlyArray<End> },
  Failed<E>,
  R | R2
> =>
  Effect.gen(function*() {
    const { blocked, folding, graph, heads, hidden, knowledge, lives, standing } = found
    const context = { collection, id, knowledge, policy, holder: writing.holder }
    const evaluate = evaluator(context)
    const asks = policy.rules.missingBase === "merge" || stagesOf(policy).some(({ guesses }) => guesses)
    const isDead = Either.isRight(lives) && !lives.right
    /** Merges without content: their heads clash, and the document is deleted. */
    const contentless = new Set<Rev>()
    const unknown = ({ why }: Missing): Unmerged => ({ _tag: "Unknown", why, clashes: [] })

    const begin = (head: Rev): Effect.Effect<State<A, R>, Reason, R> =>
      Effect.gen(function*() {
        const fold = folding.alone(head)
        if (contentless.has(head)) return { fold, folded: undefined, guessed: undefined }
        const missing = blocked.get(head) ?? folding.missing(fold)
        if (missing !== undefined && !asks) return yield* Effect.fail(unknown(missing))
        return { fold, folded: yield* evaluate.head(folding.contentRevision(head)), guessed: missing }
      })

    const join = (state: State<A, R>, head: Rev): Effect.Effect<State<A, R>, Reason | Failed<E>, R | R2> =>
      Effect.gen(function*() {
        const { fold, folded } = state
        if (folded === undefined || contentless.has(head)) {
          const common = graph.common(fold.side, graph.side(head))
          if (common._tag === "Missing") return yield* Effect.fail(unknown(common.missing))
          fold.side.add(head)
          return { ...state, folded: undefined }
        }
        const joined = Option.match(Option.fromNullable(state.guessed ?? blocked.get(head)), {
          onNone: () => folding.join(fold, head),
          onSome: Either.left
        })
        const theirs = folding.contentRevision(head)
        if (Either.isLeft(joined)) {
          const missing = joined.left
          if (!asks) return yield* Effect.fail(unknown(missing))
          const decided = yield* evaluate.join(folded, theirs, { _tag: "Unknown", why: missing.why })
          fold.side.add(head)
          return { fold, folded: decided, guessed: missing }
        }
        const { base, value } = joined.right
        const whole = value === fold.value
          ? folded
          : value._tag === "Content"
          ? yield* evaluate.head(theirs)
          : yield* evaluate.join(folded, theirs, { _tag: "Known", base }).pipe(
            // A deleted document needs no merged content.
            Effect.catchIf((reason) => isDead && reason._tag === "Overlap", () => Effect.succeed(undefined))
          )
        fold.side.add(head)
        return { fold: { ...fold, value }, folded: whole, guessed: undefined }
      })

    const steps: Array<Step<A, R>> = []
    const ends: Array<End> = []
    const ranks = new Map(heads.map((rev, i) => [rev, i]))
    const rank = (rev: Rev): number => ranks.get(rev) ?? heads.length
    const stands = new Set(heads.filter((rev) => standing.has(rev) || hidden.includes(rev)))

    /** Merges a group, and returns the heads that are left of it. */
    const mergeGroup = (
      { heads: own, state, why }: Group<Rev, State<A, R>>,
      sizeOf: (rev: Rev) => number
    ): ReadonlyArray<End> => {
      const apart = (why: Reason | undefined): ReadonlyArray<End> => own.map((rev) => ({ rev, size: sizeOf(rev), why }))
      const [parent, ...also] = [...own].sort((a, b) => rank(a) - rank(b))
      const alone = also.length === 0 && !(heads.length === 1 && hidden.length === 1)
      // Deletions alone need no merge if something else keeps the document alive.
      if (parent === undefined || alone || !(isDead || own.some((rev) => stands.has(rev)))) return apart(why)
      const aliveHere = Either.isRight(lives) ? lives : alive(knowledge, graph, own, policy.rules.deleted)
      if (Either.isLeft(aliveHere) && !asks) return apart(unknown(aliveHere.left))
      const { folded, guessed } = state
      const decided = guessed !== undefined || Either.isLeft(aliveHere)
      const deleted = !decided && !Either.getOrElse(aliveHere, () => true)
      if (folded === undefined && !deleted) return apart(why)
      const made = writing.merge({ kind: decided ? "edit" : "merge", parent, also, deleted }, folded)
      steps.push(made.step)
      ranks.set(made.rev, rank(parent))
      if (folded === undefined) contentless.add(made.rev)
      if (!deleted) stands.add(made.rev)
      return [{ rev: made.rev, size: own.reduce((sum, rev) => sum + sizeOf(rev), 0), why }]
    }

    let rest = heads
    let carried: ReadonlyArray<End> = []
    while (rest.length > 0) {
      const sizes = new Map(carried.map(({ rev, size }) => [rev, size]))
      const taken = rest.slice(0, Math.max(1, atOnce - carried.length))
      rest = rest.slice(taken.length)
      const { groups, unusable } = yield* grouped(
        [...carried.map(({ rev }) => rev), ...taken].sort((a, b) => Revision.Order(b, a)),
        begin,
        join
      )
      ends.push(...unusable.map(({ head, why }): End => ({ rev: head, size: 1, why })))
      const left = groups.flatMap((group) => mergeGroup(group, (rev) => sizes.get(rev) ?? 1))
      const largest = new Set([...left].sort((a, b) => b.size - a.size).slice(0, mostCarried))
      carried = left.filter((end) => largest.has(end))
      ends.push(...left.filter((end) => !largest.has(end)))
    }
    return { steps, ends: [...carried, ...ends] }
  })

/** The most groups that do not merge with each other and are tried with the next heads. */
const mostCarried = 8

interface Grown {
  readonly knowledge: Lineage.Knowledge
  /** Adds a planned merge as if it had been stored and read. */
  readonly learn: (record: Lineage.Record, version: Lineage.Version) => void
}

/** A copy of the knowledge that planned merges can be added to. */
const extensible = (knowledge: Lineage.Knowledge): Grown => {
  const links = new Map(knowledge.links)
  const parents = new Map(knowledge.parents)
  const contents = new Map(knowledge.contents)
  const records = new Map(knowledge.records)
  const tombstones = new Map(knowledge.tombstones)
  return {
    knowledge: { ...knowledge, links, parents, contents, records, tombstones },
    learn: (record, { body, deleted, files, path, rev }) => {
      links.set(rev, { rev, parent: record.parent, kind: record.kind, also: record.also })
      if (path[1] !== undefined) parents.set(rev, path[1])
      if (!deleted) contents.set(rev, { body, files })
      else if (record.content !== undefined) contents.set(rev, { body: record.content, files })
      records.set(rev, record)
      if (deleted) tombstones.set(rev, "deletion")
    }
  }
}

/** The inputs of a merge. */
interface Merging {
  readonly kind: "merge" | "edit"
  readonly parent: Rev
  readonly also: ReadonlyArray<Rev>
  readonly deleted: boolean
}

const make = <A, R>(
  collection: Bound<A, R>,
  settings: Settings,
  id: string,
  versions: ReadonlyArray<Version>,
  { knowledge, learn }: Grown
) => {
  const byRev = new Map(versions.map((version) => [version.raw.rev, version]))
  // Of several burials of one version one that still has the body is the one to ask.
  const holders: ReadonlyMap<Rev, Rev> = new Map(
    Array.from(knowledge.burials)
      .sort(([, self], [, that]) => Number(self.content !== undefined) - Number(that.content !== undefined))
      .map(([tombstone, { of }]) => [of, tombstone] as const)
  )
  const holder = (rev: Rev): Rev => byRev.has(rev) ? rev : holders.get(rev) ?? rev

  const paths = new Map<Rev, ReadonlyArray<Rev>>()

  /** A revision and its ancestors, also where only its burial is left. */
  const pathOf = (rev: Rev): ReadonlyArray<Rev> => {
    const planned = paths.get(rev)
    if (planned !== undefined) return planned
    const path: ReadonlyArray<Rev> = byRev.get(holder(rev))?.path ?? []
    const at = path.indexOf(rev)
    return at === -1 ? [rev] : path.slice(at)
  }

  const burialOf = ({ into, of }: Lineage.PlannedBurial): ReadonlyArray<Burial> => {
    const version = byRev.get(of)
    if (version === undefined) return []
    const { raw } = version
    const keeps = settings.keep === "bodies" && holds(settings, "trust")
    return [{
      of: version,
      stubs: keeps ? raw.stubs : Option.none(),
      body: Json.fromEntries([
        ...kept(settings, raw.raw),
        [
          settings.field,
          sealed(
            settings,
            id,
            encodeBurial({
              of,
              ofParent: version.path[1] ?? null,
              into,
              content: keeps ? redacted(withoutField(raw.raw, settings.field), settings.redact) : undefined,
              field: keeps
                ? Json.get(raw.raw, settings.field)
                : slimField(knowledge, id, of, Json.get(raw.raw, settings.field))
            })
          )
        ] as const
      ])
    }]
  }

  const isLeaf = (rev: Rev): boolean => byRev.has(rev)

  const documentOf = (head: Rev): Effect.Effect<Option.Option<Document<A, R>>, never, R> => {
    const version = byRev.get(head)
    return Effect.map(
      version === undefined ? Effect.succeed([]) : leavesOf(collection, [version]),
      ([leaf]) => leaf?._tag === "Live" ? Option.some(leaf.document) : Option.none()
    )
  }

  const bury = (
    { burials, head }: Extract<Lineage.Plan, { readonly _tag: "Bury" }>
  ): Effect.Effect<Plan<A, R>, never, R> =>
    Effect.map(documentOf(head), (document) => ({
      _tag: "Write",
      steps: [{
        lists: [],
        merge: Option.none(),
        burials: burials.flatMap(burialOf),
        merged: [],
        withoutBase: [],
        document
      }],
      heads: [head],
      remaining: []
    }))

  /** The files as the server has them after the merge is stored. Files of losers are sent again, with a new `revpos`. */
  const storedFiles = (files: Files, { deleted, parent }: Merging, generation: number): Json.JsonObject =>
    deleted && settings.keep === "names" ? {} : Json.fromEntries(
      Array.from(files, ([name, { leaf, stub }]) => [
        name,
        leaf === parent
          ? stub
          : Json.fromEntries(Json.entries(stub).map(([key, value]) => [key, key === "revpos" ? generation : value]))
      ])
    )

  const merge = (
    merging: Merging,
    folded: Folded<A, R> | undefined
  ): { readonly rev: Rev; readonly step: Step<A, R> } => {
    const { also, deleted, kind, parent } = merging
    const heads = [parent, ...also]
    const files: Files = folded?.files ?? new Map()
    const stubs = stubsOf(files)
    const content = { body: folded?.raw ?? {}, files: stubs }
    const record = recordOf(knowledge, {
      kind,
      parent,
      also,
      content: deleted && folded === undefined ? { body: {}, files: {} } : content,
      deleted,
      // Who decides the same on another replica has decided the same.
      edit: kind === "edit" ? hashOf(Json.stringify([[...heads].sort(), content.body])) : undefined
    })
    const own = folded === undefined ? { ...record, content: undefined } : record
    const body = Json.fromEntries([
      ...(deleted ? kept(settings, content.body) : Json.entries(content.body)),
      [settings.field, sealed(settings, id, encodeRecord(own))] as const
    ])
    const keepsFiles = !deleted || settings.keep === "bodies"
    const rev = mergeRevision(
      holds(settings, "chosenRevision")
        ? { parent, heads, deleted, body, files: keepsFiles ? stubs : {} }
        : { parent, heads, deleted, body: {}, files: {} }
    )
    const into: Lineage.Into = { rev, parent, kind, also: record.also }
    const path = [rev, ...pathOf(parent)] as const
    paths.set(rev, path)
    learn(own, {
      id,
      rev,
      path,
      deleted,
      body: content.body,
      files: storedFiles(files, merging, Revision.generation(rev))
    })
    const losers = also.filter((rev) => byRev.get(rev)?.raw.deleted === false)
    return {
      rev,
      step: {
        lists: [],
        document: folded === undefined || deleted
          ? Option.none()
          : Option.some(
            documentAt(
              collection,
              id,
              rev,
              { ...folded, raw: body },
              files.size === 0 ? Option.none() : Option.some(stubs)
            )
          ),
        merge: Option.some({ id, path, raw: body, files: keepsFiles ? files : new Map(), winner: parent, deleted }),
        burials: losers.flatMap((of) => burialOf({ of, into })),
        merged: losers,
        withoutBase: folded?.withoutBase ?? []
      }
    }
  }

  return { holder, isLeaf, burialOf, documentOf, bury, merge }
}
