import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { DatabaseName } from "../data/DatabaseName.js"
import * as Json from "../data/Json.js"
import type { Revision } from "../data/Revision.js"
import { make as baseOf } from "../document/base.js"
import { decode } from "../document/codec.js"
import type { Bound } from "../document/Collection.js"
import type { Document } from "../document/Document.js"
import type { DecodeError } from "../document/errors.js"
import * as value from "../document/value.js"
import { readVersions, type Version } from "../http/bulk/bulkGetVersions.js"
import type { WireError } from "../http/bulk/errors.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import type { RawDocument } from "../http/rawDocument.js"
import { type Burial, burial, buriedBody } from "./burial.js"
import { deletionsThatCount } from "./deletions.js"
import { filesOf } from "./files.js"
import { baseBy, bodyOf, Failed, type Folded, type Head, pair, type Unmerged } from "./fold.js"
import { grouped } from "./groups.js"
import type { GrowingSide, History } from "./history.js"
import { isStanding, type MergedVersion, mergedVersion } from "./merged.js"
import type { Leaf, UnresolvedReason } from "./model.js"
import { stagesOf } from "./policy.js"
import type { Rules, SiblingPolicy } from "./SiblingPolicy.js"
import { intoDeletion, type Structure, structureOf, winnersFirst } from "./structure.js"
import { type End, leaderOf, type Reason, reasonOf, remainingOf, Unreadable, unresolvedReasonOf } from "./unresolved.js"

/** A version that stays beside the others, and why. */
export interface Remaining {
  readonly rev: Revision
  readonly why: string
}

/** One merge and the burials of its losers. A step is written after the previous one, and is harmless without the next. */
export interface Step<A, R> {
  /** Lists of its losers if the merge cannot name them all; stored before it. */
  readonly lists: ReadonlyArray<MergedVersion>
  readonly merge: Option.Option<MergedVersion>
  readonly burials: ReadonlyArray<Burial>
  readonly merged: ReadonlyArray<Revision>
  readonly withoutBase: ReadonlyArray<ReadonlyArray<PropertyKey>>
  /** The resulting document; absent if another step has it. */
  readonly document?: Option.Option<Document<A, R>>
}

/** What is to be done about the siblings of one document. */
export type Plan<A, R> =
  | { readonly _tag: "Nothing" }
  | {
    readonly _tag: "Unresolved"
    readonly reason: UnresolvedReason
    readonly versions: ReadonlyArray<Leaf<A, R>>
    readonly remaining: ReadonlyArray<Remaining>
  }
  | {
    readonly _tag: "Write"
    readonly steps: readonly [Step<A, R>, ...ReadonlyArray<Step<A, R>>]
    /** The heads that the plan knows of. */
    readonly heads: ReadonlyArray<Revision>
    /** The versions that stay beside the merges. */
    readonly remaining: ReadonlyArray<Remaining>
  }

/** What is known of a document before its merge, and which ancestors the merge wants to see. */
export interface Prepared {
  readonly id: string
  readonly versions: ReadonlyArray<Version>
  readonly structure: Structure
  readonly heads: ReadonlyArray<Version>
  readonly contained: ReadonlyArray<Burial>
  readonly wanted: ReadonlyArray<Revision>
  /** Whether tombstones may tell more about the origin of the heads. */
  readonly unsure: boolean
  /** Why nothing is merged before more is replicated: one head may contain any of the others. */
  readonly waits: string | undefined
  readonly unclear: Option.Option<Unmerged>
}

/** Sorts the leaves out, deletions included. */
export const prepare = (
  database: DatabaseName,
  id: string,
  versions: ReadonlyArray<Version>,
  rules: Rules
): Effect.Effect<Prepared, WireError, CouchHttp> => {
  const structure = structureOf(versions)
  return Effect.map(deletionsThatCount(database, structure, rules), (verdict): Prepared => {
    const doomed = verdict._tag === "Clear" ? verdict.heads : []
    const heads = structure.heads.filter((head) => !doomed.some((each) => each.head === head))
    return {
      id,
      versions,
      structure,
      heads,
      contained: [
        ...structure.contained.map(({ into, version }) => burial(version, into)),
        ...doomed.map(({ deletion, head }) => burial(head, intoDeletion(deletion)))
      ],
      ...commonOf(structure.history, heads),
      unclear: verdict._tag === "Clear" ? Option.none() : Option.some(verdict.unmerged)
    }
  })
}

/** The common ancestors of heads that merge one after the other, and whether they are certain. */
const commonOf = (
  history: History,
  heads: ReadonlyArray<Version>
): Pick<Prepared, "wanted" | "unsure" | "waits"> => {
  const side = history.growing()
  const wanted = new Set<Revision>()
  let unsure = false
  let waits: string | undefined
  heads.forEach(({ raw }, i) => {
    const common = i === 0 ? undefined : history.common(side, raw.rev)
    if (common?._tag === "One") wanted.add(common.revision)
    if (common?._tag === "Unclear") {
      unsure = true
      if (common.waits) waits ??= common.why
    }
    side.add(raw.rev)
  })
  return { wanted: Array.from(wanted), unsure, waits }
}

interface OwnHead<A, R> {
  readonly version: Version
  readonly read: Either.Either<Head<A, R>, DecodeError>
}

/** The heads merged so far. */
interface Gathered<A, R> {
  readonly side: GrowingSide
  readonly folded: Folded<A, R>
}

/** Decides, from what was read; `found` are ancestors that the server still has. */
export const plan = <A, R, E, R2>(
  collection: Bound<A, R>,
  prepared: Prepared,
  found: ReadonlyArray<RawDocument>,
  policy: SiblingPolicy<A, E, R2>
): Effect.Effect<
  {
    readonly plan: Plan<A, R>
    /** Whether something is missing that tombstones may have. */
    readonly unsure: boolean
  },
  Failed<E | WireError>,
  CouchHttp | R | R2
> =>
  Effect.gen(function*() {
    const { contained, heads, id, structure: { history }, versions } = prepared
    const settled = (plan: Plan<A, R>) => ({ plan, unsure: false })
    const defer = (reason: Reason, remaining: ReadonlyArray<Remaining>): Effect.Effect<Plan<A, R>, never, R> =>
      Effect.map(leavesOf(collection, versions), (versions) => ({
        _tag: "Unresolved",
        reason: unresolvedReasonOf(reason),
        versions,
        remaining
      }))
    if (Option.isSome(prepared.unclear)) {
      return { plan: yield* defer(prepared.unclear.value, []), unsure: prepared.unclear.value._tag === "Unknown" }
    }
    const own = yield* Effect.forEach(heads, (version) =>
      Effect.map(headOf(collection, id, version.raw), (read): OwnHead<A, R> => ({ version, read })))
    const bury = (leader: Revision | undefined): Step<A, R> => ({
      lists: [],
      merge: Option.none(),
      burials: contained,
      merged: [],
      withoutBase: [],
      document: Option.flatMap(
        Option.fromNullable(own.find(({ version }) =>
          version.raw.rev === leader
        )),
        // A custom merge that failed may have edited it in place.
        ({ read }) => Option.map(Either.getRight(read), ({ document }) => value.discard(document))
      )
    })
    if (heads.length < 2) {
      return settled(
        contained.length === 0
          ? { _tag: "Nothing" }
          : { _tag: "Write", steps: [bury(heads[0]?.raw.rev)], heads: heads.map(({ raw }) => raw.rev), remaining: [] }
      )
    }
    const guesses = policy.rules.missingBase === "merge" || stagesOf(policy).some(({ guesses }) => guesses)
    if (prepared.waits !== undefined && !guesses) {
      const why = prepared.waits
      return { plan: yield* defer({ _tag: "Unknown", why, clashes: [] }, []), unsure: true }
    }
    const ancestor = ancestorsOf(collection, prepared, found)

    const begin = ({ read, version }: OwnHead<A, R>): Effect.Effect<Gathered<A, R>, Reason> => {
      if (Either.isLeft(read)) return Effect.fail(new Unreadable(read.left))
      const side = history.growing()
      side.add(version.raw.rev)
      return Effect.succeed({ side, folded: { ...read.right, withoutBase: [] } })
    }

    const join = (
      { folded, side }: Gathered<A, R>,
      { read, version }: OwnHead<A, R>
    ): Effect.Effect<Gathered<A, R>, Reason | Failed<E | WireError>, CouchHttp | R | R2> =>
      Effect.gen(function*() {
        if (Either.isLeft(read)) return yield* Effect.fail(new Unreadable(read.left))
        const common = history.common(side, version.raw.rev)
        const head = common._tag === "One" ? yield* ancestor(common.revision) : Option.none()
        const whole = yield* pair(
          { collection, id },
          policy,
          folded,
          read.right,
          baseBy(common, head, policy.rules)
        )
        side.add(version.raw.rev)
        return { side, folded: whole }
      })

    const { groups, unusable } = yield* grouped(own, begin, join)
    const made = groups.map(({ heads, state, why }) => {
      const [{ version: winner }, ...losers] = heads
      const merged = losers.length === 0
        ? undefined
        : written(collection, id, state.folded, winner, losers.map(({ version }) => version), history)
      const ends: ReadonlyArray<End> = merged === undefined
        ? heads.map(({ version }) => ({
          rev: version.raw.rev,
          size: 1,
          why: losers.length === 0 ? why : nameless
        }))
        : [{ rev: merged.rev, size: heads.length, why }]
      return { ends, merged }
    })
    const ends = [
      ...made.flatMap(({ ends }) => ends),
      ...unusable.map(({ head, why }): End => ({ rev: head.version.raw.rev, size: 1, why }))
    ]
    const leader = leaderOf(ends)
    const steps = made.flatMap(({ merged }) =>
      merged === undefined
        ? []
        : [merged.rev === leader?.rev ? { ...merged.step, document: Option.some(merged.document) } : merged.step]
    )
    const remaining = remainingOf(ends)
    const unsure = ends.some(({ why }) => why?._tag === "Unknown")
    const [first, ...more] = steps
    if (first === undefined && contained.length === 0) {
      return { plan: yield* defer(reasonOf(ends), remaining), unsure }
    }
    return {
      plan: {
        _tag: "Write",
        steps: first === undefined
          ? [bury(leader?.rev)]
          : [{ ...first, burials: [...contained, ...first.burials] }, ...more],
        heads: heads.map(({ raw }) => raw.rev),
        remaining
      },
      unsure
    }
  })

const nameless: Reason = {
  _tag: "Unknown",
  why: "an attachment has no digest by which the merge could be named",
  clashes: []
}

/** The step that stores a merge; only burials if the merge equals the winner. */
const written = <A, R>(
  collection: Bound<A, R>,
  id: string,
  folded: Folded<A, R>,
  winner: Version,
  losers: ReadonlyArray<Version>,
  history: History
): { readonly rev: Revision; readonly document: Document<A, R>; readonly step: Step<A, R> } | undefined => {
  const common = { merged: losers.map(({ raw }) => raw.rev), withoutBase: folded.withoutBase }
  if (isStanding(winner, folded.raw, folded.files)) {
    const { rev } = winner.raw
    const into = { rev, parent: history.parent(rev), also: [...history.also(rev)].sort() }
    return {
      rev,
      document: documentAt(collection, id, rev, folded, winner.raw.stubs),
      step: { ...common, lists: [], merge: Option.none(), burials: losers.map((loser) => burial(loser, into)) }
    }
  }
  const merged = Option.getOrUndefined(mergedVersion(winner, losers, folded.raw, folded.files))
  if (merged === undefined) return undefined
  const { lists, merge, names } = merged
  const [rev, parent] = merge.path
  const into = { rev, parent, also: [...names].sort() }
  const stubs = folded.files.size === 0
    ? Option.none()
    : Option.some(Json.fromEntries(Array.from(folded.files, ([name, { stub }]) => [name, stub])))
  return {
    rev,
    document: documentAt(collection, id, rev, folded, stubs),
    step: { ...common, lists, merge: Option.some(merge), burials: losers.map((loser) => burial(loser, into)) }
  }
}

export const documentAt = <A, R>(
  collection: Bound<A, R>,
  id: string,
  rev: Revision,
  folded: Folded<A, R>,
  stubs: Option.Option<Json.JsonObject>
): Document<A, R> =>
  value.clean(collection, id, "quorum", baseOf(collection, rev, bodyOf(folded), { raw: folded.raw, stubs }))

const headOf = <A, R>(collection: Bound<A, R>, id: string, raw: RawDocument) =>
  Effect.either(Effect.map(decode(collection, raw), (base): Head<A, R> => ({
    document: value.clean(collection, id, "quorum", base),
    raw: raw.raw,
    files: filesOf(raw.rev, raw.stubs)
  })))

/** The bodies of common ancestors, from the server or from a burial. */
const ancestorsOf = <A, R>(
  collection: Bound<A, R>,
  { id, versions, wanted }: Prepared,
  found: ReadonlyArray<RawDocument>
): (rev: Revision) => Effect.Effect<Option.Option<Head<A, R>>, Failed<WireError>, CouchHttp | R> => {
  const buried = versions.flatMap(({ raw }) =>
    Option.toArray(Option.map(buriedBody(raw), ({ doc, of }): RawDocument => ({
      id,
      rev: of,
      deleted: false,
      stubs: raw.stubs,
      raw: doc,
      plain: Json.toPlain(doc),
      special: () => undefined
    })))
  )
  const known = new Map<Revision, RawDocument>()
  const add = (raw: RawDocument): void => {
    if (!raw.deleted && !known.has(raw.rev)) known.set(raw.rev, raw)
  }
  for (const raw of [...found, ...buried]) add(raw)
  const asked = new Set(wanted)
  const read = new Map<Revision, Option.Option<Head<A, R>>>()
  return (rev) =>
    Effect.gen(function*() {
      const before = read.get(rev)
      if (before !== undefined) return before
      if (!known.has(rev) && !asked.has(rev)) {
        asked.add(rev)
        const more = yield* readVersions(collection.database, [{ id, rev }]).pipe(
          Effect.mapError((error) => new Failed(error))
        )
        for (const { raw } of more) add(raw)
      }
      const raw = known.get(rev)
      // An ancestor that the schema does not read any more is as good as none.
      const head = raw === undefined ? Option.none() : Either.getRight(yield* headOf(collection, id, raw))
      read.set(rev, head)
      return head
    })
}

/** The versions that stand, for a person to look at. */
export const leavesOf = <A, R>(
  collection: Bound<A, R>,
  versions: ReadonlyArray<Version>
): Effect.Effect<ReadonlyArray<Leaf<A, R>>, never, R> =>
  Effect.forEach(
    versions.filter(({ raw }) => !raw.deleted).sort(winnersFirst),
    ({ path, raw }) => leafOf(collection, raw, path)
  )

/** A leaf as the schema reads it. */
export const leafOf = <A, R>(
  collection: Bound<A, R>,
  raw: RawDocument,
  path: Version["path"]
): Effect.Effect<Leaf<A, R>, never, R> =>
  raw.deleted
    ? Effect.succeed({ _tag: "Deleted", path })
    : Effect.match(decode(collection, raw), {
      onFailure: (error): Leaf<A, R> => ({ _tag: "Unreadable", path, error }),
      onSuccess: (base) => ({ _tag: "Live", path, document: value.clean(collection, raw.id, "quorum", base) })
    })
