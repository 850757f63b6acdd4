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
import { type Group, grouped } from "./groups.js"
import type { GrowingSide, History } from "./history.js"
import { isStanding, type MergedVersion, mergedVersion } from "./merged.js"
import type { Leaf, UnresolvedReason } from "./model.js"
import { stagesOf } from "./policy.js"
import type { Rules, SiblingPolicy } from "./SiblingPolicy.js"
import { intoDeletion, type Structure, structureOf, winnersFirst } from "./structure.js"
import { type End, leaderOf, type Reason, reasonOf, remainingOf, Unreadable, unresolvedReasonOf } from "./unresolved.js"

/** A version that is not merged, and why. */
export interface Remaining {
  readonly rev: Revision
  readonly why: string
}

/**
 * One merge, and the tombstones of its losers. Each step is written after the previous one, and is valid without the
 * next one.
 */
export interface Step<A, R> {
  /** Lists of the losers, if the merge cannot name them all. They are stored before the merge. */
  readonly lists: ReadonlyArray<MergedVersion>
  readonly merge: Option.Option<MergedVersion>
  readonly burials: ReadonlyArray<Burial>
  readonly merged: ReadonlyArray<Revision>
  readonly withoutBase: ReadonlyArray<ReadonlyArray<PropertyKey>>
  /** The resulting document. Absent if another step has it. */
  readonly document?: Option.Option<Document<A, R>>
}

/** How the siblings of one document are resolved. */
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
    /** The heads that the plan is based on. */
    readonly heads: ReadonlyArray<Revision>
    /** The versions that are not merged. */
    readonly remaining: ReadonlyArray<Remaining>
  }

/** The state of a document before its merge, and the ancestors that the merge needs. */
export interface Prepared {
  readonly id: string
  readonly versions: ReadonlyArray<Version>
  readonly structure: Structure
  readonly heads: ReadonlyArray<Version>
  readonly contained: ReadonlyArray<Burial>
  readonly wanted: ReadonlyArray<Revision>
  /** Whether tombstones may record more about the origin of the heads. */
  readonly unsure: boolean
  /** Why nothing is merged before more is replicated: one of the heads may contain others. */
  readonly waits: string | undefined
  readonly unclear: Option.Option<Unmerged>
}

/** Determines which leaves to merge and which to delete. */
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

/** The common ancestors of heads that are merged one after the other, and whether they are certain. */
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

/** The heads that are merged so far. */
interface Gathered<A, R> {
  readonly side: GrowingSide
  readonly folded: Folded<A, R>
}

/** A plan, and whether tombstones may contribute information that the plan lacks. */
export interface Planned<A, R> {
  readonly plan: Plan<A, R>
  readonly unsure: boolean
}

/** Plans the merge of one document. `found` are the ancestors that the server still has. */
export const plan = <A, R, E, R2>(
  collection: Bound<A, R>,
  prepared: Prepared,
  found: ReadonlyArray<RawDocument>,
  policy: SiblingPolicy<A, E, R2>
): Effect.Effect<Planned<A, R>, Failed<E | WireError>, CouchHttp | R | R2> => {
  const planning = new Planning(collection, prepared, policy)
  return Effect.flatMap(planning.decideEarly(), (decided) =>
    Option.match(decided, {
      onNone: () => planning.mergeHeads(ancestorsOf(collection, prepared, found)),
      onSome: Effect.succeed
    }))
}

type ReadAncestor<A, R> = (rev: Revision) => Effect.Effect<
  Option.Option<Head<A, R>>,
  Failed<WireError>,
  CouchHttp | R
>

class Planning<A, R, E, R2> {
  constructor(
    private readonly collection: Bound<A, R>,
    private readonly prepared: Prepared,
    private readonly policy: SiblingPolicy<A, E, R2>
  ) {}

  /** The plan if it needs no merge, or if more must be replicated before a merge. */
  decideEarly(): Effect.Effect<Option.Option<Planned<A, R>>, never, R> {
    const { contained, heads, unclear, waits } = this.prepared
    if (Option.isSome(unclear)) {
      return this.unresolved(unclear.value, [], unclear.value._tag === "Unknown").pipe(Effect.asSome)
    }
    if (heads.length < 2) {
      return contained.length === 0
        ? Effect.succeedSome({ plan: { _tag: "Nothing" }, unsure: false })
        : Effect.map(this.readHeads(), (own) =>
          Option.some({
            plan: {
              _tag: "Write",
              steps: [this.containedStep(own, heads[0]?.raw.rev)],
              heads: heads.map(({ raw }) => raw.rev),
              remaining: []
            },
            unsure: false
          }))
    }
    const guesses = this.policy.rules.missingBase === "merge" || stagesOf(this.policy).some(({ guesses }) => guesses)
    return waits === undefined || guesses
      ? Effect.succeedNone
      : this.unresolved({ _tag: "Unknown", why: waits, clashes: [] }, [], true).pipe(Effect.asSome)
  }

  /** Merges as many heads as possible. */
  mergeHeads(
    ancestor: ReadAncestor<A, R>
  ): Effect.Effect<Planned<A, R>, Failed<E | WireError>, CouchHttp | R | R2> {
    return Effect.gen(this, function*() {
      const own = yield* this.readHeads()
      const { groups, unusable } = yield* grouped(
        own,
        (head) => this.begin(head),
        (gathered, head) => this.join(ancestor, gathered, head)
      )
      const made = groups.map((group) => this.mergeGroup(group))
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
      return yield* this.planned(own, steps, ends)
    })
  }

  private planned(
    own: ReadonlyArray<OwnHead<A, R>>,
    [first, ...more]: ReadonlyArray<Step<A, R>>,
    ends: ReadonlyArray<End>
  ): Effect.Effect<Planned<A, R>, never, R> {
    const { contained, heads } = this.prepared
    const remaining = remainingOf(ends)
    const unsure = ends.some(({ why }) => why?._tag === "Unknown")
    if (first === undefined && contained.length === 0) return this.unresolved(reasonOf(ends), remaining, unsure)
    return Effect.succeed({
      plan: {
        _tag: "Write",
        steps: first === undefined
          ? [this.containedStep(own, leaderOf(ends)?.rev)]
          : [{ ...first, burials: [...contained, ...first.burials] }, ...more],
        heads: heads.map(({ raw }) => raw.rev),
        remaining
      },
      unsure
    })
  }

  private unresolved(
    reason: Reason,
    remaining: ReadonlyArray<Remaining>,
    unsure: boolean
  ): Effect.Effect<Planned<A, R>, never, R> {
    return Effect.map(leavesOf(this.collection, this.prepared.versions), (versions) => ({
      plan: { _tag: "Unresolved", reason: unresolvedReasonOf(reason), versions, remaining },
      unsure
    }))
  }

  private readHeads(): Effect.Effect<ReadonlyArray<OwnHead<A, R>>, never, R> {
    const { heads, id } = this.prepared
    return Effect.forEach(
      heads,
      (version) => Effect.map(headOf(this.collection, id, version.raw), (read) => ({ version, read }))
    )
  }

  /** The step that deletes contained versions, without a merge. */
  private containedStep(own: ReadonlyArray<OwnHead<A, R>>, leader: Revision | undefined): Step<A, R> {
    return {
      lists: [],
      merge: Option.none(),
      burials: this.prepared.contained,
      merged: [],
      withoutBase: [],
      document: Option.flatMap(
        Option.fromNullable(own.find(({ version }) => version.raw.rev === leader)),
        // A custom merge that failed may have modified the document in place.
        ({ read }) => Option.map(Either.getRight(read), ({ document }) => value.discard(document))
      )
    }
  }

  private begin({ read, version }: OwnHead<A, R>): Effect.Effect<Gathered<A, R>, Reason> {
    if (Either.isLeft(read)) return Effect.fail(new Unreadable(read.left))
    const side = this.prepared.structure.history.growing()
    side.add(version.raw.rev)
    return Effect.succeed({ side, folded: { ...read.right, withoutBase: [] } })
  }

  private join(
    ancestor: ReadAncestor<A, R>,
    { folded, side }: Gathered<A, R>,
    { read, version }: OwnHead<A, R>
  ): Effect.Effect<Gathered<A, R>, Reason | Failed<E | WireError>, CouchHttp | R | R2> {
    const { collection, policy, prepared: { id, structure } } = this
    return Effect.gen(function*() {
      if (Either.isLeft(read)) return yield* Effect.fail(new Unreadable(read.left))
      const common = structure.history.common(side, version.raw.rev)
      const head = common._tag === "One" ? yield* ancestor(common.revision) : Option.none()
      const base = baseBy(common, head, policy.rules)
      const merged = yield* pair({ collection, id }, policy, folded, read.right, base)
      side.add(version.raw.rev)
      return { side, folded: merged }
    })
  }

  /** The merge of a group, and the versions that are left. A group of one head is not merged. */
  private mergeGroup({ heads, state, why }: Group<OwnHead<A, R>, Gathered<A, R>>): {
    readonly ends: ReadonlyArray<End>
    readonly merged: Written<A, R> | undefined
  } {
    const { id, structure } = this.prepared
    const [{ version: winner }, ...losers] = heads
    const merged = losers.length === 0
      ? undefined
      : written(this.collection, id, state.folded, winner, losers.map(({ version }) => version), structure.history)
    return {
      merged,
      ends: merged === undefined
        ? heads.map(({ version }) => ({ rev: version.raw.rev, size: 1, why: losers.length === 0 ? why : nameless }))
        : [{ rev: merged.rev, size: heads.length, why }]
    }
  }
}

const nameless: Reason = {
  _tag: "Unknown",
  why: "an attachment has no digest, from which the revision of the merge would be computed",
  clashes: []
}

/** A merge to store: its revision, its document, and the step that writes it. */
interface Written<A, R> {
  readonly rev: Revision
  readonly document: Document<A, R>
  readonly step: Step<A, R>
}

/**
 * The step that stores a merge, or only tombstones if the merge equals the winner. Returns `undefined` if the revision of
 * the merge cannot be computed.
 */
const written = <A, R>(
  collection: Bound<A, R>,
  id: string,
  folded: Folded<A, R>,
  winner: Version,
  losers: ReadonlyArray<Version>,
  history: History
): Written<A, R> | undefined => {
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

/** The bodies of common ancestors, from the server or from the tombstone of a merged version. */
const ancestorsOf = <A, R>(
  collection: Bound<A, R>,
  { id, versions, wanted }: Prepared,
  found: ReadonlyArray<RawDocument>
): ReadAncestor<A, R> => {
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
      // An ancestor that does not match the schema cannot serve as a base.
      const head = raw === undefined ? Option.none() : Either.getRight(yield* headOf(collection, id, raw))
      read.set(rev, head)
      return head
    })
}

/** The live versions, decoded for manual review. */
export const leavesOf = <A, R>(
  collection: Bound<A, R>,
  versions: ReadonlyArray<Version>
): Effect.Effect<ReadonlyArray<Leaf<A, R>>, never, R> =>
  Effect.forEach(
    versions.filter(({ raw }) => !raw.deleted).sort(winnersFirst),
    ({ path, raw }) => leafOf(collection, raw, path)
  )

/** Decodes a leaf. */
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
