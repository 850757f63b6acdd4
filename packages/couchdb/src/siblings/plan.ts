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
import type { Version } from "../http/bulk/bulkGetVersions.js"
import type { WireError } from "../http/bulk/errors.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import type { RawDocument } from "../http/rawDocument.js"
import { ancestorsOf, headOf, type ReadAncestor } from "./ancestors.js"
import { decideDeletions } from "./deletions.js"
import { type Group, groupMergeable } from "./groups.js"
import type { GrowingSide, History } from "./history.js"
import { equalsWinner, type MergedVersion, mergedVersion } from "./mergedVersion.js"
import { type MergeTombstone, mergeTombstone } from "./mergeTombstone.js"
import type { Leaf, UnresolvedReason } from "./model.js"
import type { PolicyFailure } from "./pairMerge.js"
import { bodyOf, type Head, mergePair, pairBaseOf, type PartialMerge, type Unmerged } from "./pairMerge.js"
import { decidesUnknown } from "./policy.js"
import type { Rules, SiblingPolicy } from "./SiblingPolicy.js"
import { mergedIntoDeletion, type Structure, structureOf, winnersFirst } from "./structure.js"
import {
  type FinalHead,
  largestMerge,
  mainReason,
  type Reason,
  remainingVersions,
  Unreadable,
  unresolvedReasonOf
} from "./unresolved.js"

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
  readonly tombstones: ReadonlyArray<MergeTombstone>
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
  readonly contained: ReadonlyArray<MergeTombstone>
  readonly wanted: ReadonlyArray<Revision>
  /** Whether tombstones may record more about the origin of the heads. */
  readonly needsTombstones: boolean
  /** Why nothing is merged before more is replicated: one of the heads may contain others. */
  readonly incomplete: string | undefined
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
  return Effect.map(decideDeletions(database, structure, rules), (decision): Prepared => {
    const deleted = decision._tag === "Decided" ? decision.heads : []
    const heads = structure.heads.filter((head) => !deleted.some((each) => each.head === head))
    return {
      id,
      versions,
      structure,
      heads,
      contained: [
        ...structure.contained.map(({ into, version }) => mergeTombstone(version, into)),
        ...deleted.map(({ deletion, head }) => mergeTombstone(head, mergedIntoDeletion(deletion)))
      ],
      ...commonOf(structure.history, heads),
      unclear: decision._tag === "Decided" ? Option.none() : Option.some(decision.unmerged)
    }
  })
}

/** The common ancestors of heads that are merged one after the other, and whether they are certain. */
const commonOf = (
  history: History,
  heads: ReadonlyArray<Version>
): Pick<Prepared, "wanted" | "needsTombstones" | "incomplete"> => {
  const side = history.growing()
  const wanted = new Set<Revision>()
  let needsTombstones = false
  let incomplete: string | undefined
  heads.forEach(({ raw }, i) => {
    const common = i === 0 ? undefined : history.common(side, raw.rev)
    if (common?._tag === "One") wanted.add(common.revision)
    if (common?._tag === "Unclear") {
      needsTombstones = true
      if (common.incomplete) incomplete ??= common.why
    }
    side.add(raw.rev)
  })
  return { wanted: Array.from(wanted), needsTombstones, incomplete }
}

interface DecodedHead<A, R> {
  readonly version: Version
  readonly read: Either.Either<Head<A, R>, DecodeError>
}

/** The heads that are merged so far. */
interface GroupState<A, R> {
  readonly side: GrowingSide
  readonly merged: PartialMerge<A, R>
}

/** A plan, and whether tombstones may contribute information that the plan lacks. */
export interface Planned<A, R> {
  readonly plan: Plan<A, R>
  readonly needsTombstones: boolean
}

/** Plans the merge of one document. `found` are the ancestors that the server still has. */
export const plan = <A, R, E, R2>(
  collection: Bound<A, R>,
  prepared: Prepared,
  found: ReadonlyArray<RawDocument>,
  policy: SiblingPolicy<A, E, R2>
): Effect.Effect<Planned<A, R>, PolicyFailure<E | WireError>, CouchHttp | R | R2> => {
  const planning = new Planning(collection, prepared, policy)
  return Effect.flatMap(planning.decideEarly(), (decided) =>
    Option.match(decided, {
      onNone: () => planning.mergeHeads(ancestorsOf(collection, prepared, found)),
      onSome: Effect.succeed
    }))
}

class Planning<A, R, E, R2> {
  constructor(
    private readonly collection: Bound<A, R>,
    private readonly prepared: Prepared,
    private readonly policy: SiblingPolicy<A, E, R2>
  ) {}

  /** The plan if it needs no merge, or if more must be replicated before a merge. */
  decideEarly(): Effect.Effect<Option.Option<Planned<A, R>>, never, R> {
    const { contained, heads, unclear, incomplete } = this.prepared
    if (Option.isSome(unclear)) {
      return this.unresolved(unclear.value, [], unclear.value._tag === "Unknown").pipe(Effect.asSome)
    }
    if (heads.length < 2) {
      return contained.length === 0
        ? Effect.succeedSome({ plan: { _tag: "Nothing" }, needsTombstones: false })
        : Effect.map(this.readHeads(), (decoded) =>
          Option.some({
            plan: {
              _tag: "Write",
              steps: [this.containedStep(decoded, heads[0]?.raw.rev)],
              heads: heads.map(({ raw }) => raw.rev),
              remaining: []
            },
            needsTombstones: false
          }))
    }
    return incomplete === undefined || decidesUnknown(this.policy)
      ? Effect.succeedNone
      : this.unresolved({ _tag: "Unknown", why: incomplete, clashes: [] }, [], true).pipe(Effect.asSome)
  }

  /** Merges as many heads as possible. */
  mergeHeads(
    ancestor: ReadAncestor<A, R>
  ): Effect.Effect<Planned<A, R>, PolicyFailure<E | WireError>, CouchHttp | R | R2> {
    return Effect.gen(this, function*() {
      const decoded = yield* this.readHeads()
      const { groups, unusable } = yield* groupMergeable(
        decoded,
        (head) => this.begin(head),
        (gathered, head) => this.join(ancestor, gathered, head)
      )
      const merges = groups.map((group) => this.mergeGroup(group))
      const finalHeads = [
        ...merges.flatMap(({ finalHeads }) => finalHeads),
        ...unusable.map(({ head, why }): FinalHead => ({ rev: head.version.raw.rev, size: 1, why }))
      ]
      const largest = largestMerge(finalHeads)
      const steps = merges.flatMap(({ merged }) =>
        merged === undefined
          ? []
          : [merged.rev === largest?.rev ? { ...merged.step, document: Option.some(merged.document) } : merged.step]
      )
      return yield* this.planned(decoded, steps, finalHeads)
    })
  }

  private planned(
    decoded: ReadonlyArray<DecodedHead<A, R>>,
    [first, ...more]: ReadonlyArray<Step<A, R>>,
    finalHeads: ReadonlyArray<FinalHead>
  ): Effect.Effect<Planned<A, R>, never, R> {
    const { contained, heads } = this.prepared
    const remaining = remainingVersions(finalHeads)
    const needsTombstones = finalHeads.some(({ why }) => why?._tag === "Unknown")
    if (first === undefined && contained.length === 0) {
      return this.unresolved(mainReason(finalHeads), remaining, needsTombstones)
    }
    return Effect.succeed({
      plan: {
        _tag: "Write",
        steps: first === undefined
          ? [this.containedStep(decoded, largestMerge(finalHeads)?.rev)]
          : [{ ...first, tombstones: [...contained, ...first.tombstones] }, ...more],
        heads: heads.map(({ raw }) => raw.rev),
        remaining
      },
      needsTombstones
    })
  }

  private unresolved(
    reason: Reason,
    remaining: ReadonlyArray<Remaining>,
    needsTombstones: boolean
  ): Effect.Effect<Planned<A, R>, never, R> {
    return Effect.map(leavesOf(this.collection, this.prepared.versions), (versions) => ({
      plan: { _tag: "Unresolved", reason: unresolvedReasonOf(reason), versions, remaining },
      needsTombstones
    }))
  }

  private readHeads(): Effect.Effect<ReadonlyArray<DecodedHead<A, R>>, never, R> {
    const { heads, id } = this.prepared
    return Effect.forEach(
      heads,
      (version) => Effect.map(headOf(this.collection, id, version.raw), (read) => ({ version, read }))
    )
  }

  /** The step that deletes contained versions, without a merge. */
  private containedStep(decoded: ReadonlyArray<DecodedHead<A, R>>, largest: Revision | undefined): Step<A, R> {
    return {
      lists: [],
      merge: Option.none(),
      tombstones: this.prepared.contained,
      merged: [],
      withoutBase: [],
      document: Option.flatMap(
        Option.fromNullable(decoded.find(({ version }) => version.raw.rev === largest)),
        // A custom merge that failed may have modified the document in place.
        ({ read }) => Option.map(Either.getRight(read), ({ document }) => value.discard(document))
      )
    }
  }

  private begin({ read, version }: DecodedHead<A, R>): Effect.Effect<GroupState<A, R>, Reason> {
    if (Either.isLeft(read)) return Effect.fail(new Unreadable(read.left))
    const side = this.prepared.structure.history.growing()
    side.add(version.raw.rev)
    return Effect.succeed({ side, merged: { ...read.right, withoutBase: [] } })
  }

  private join(
    ancestor: ReadAncestor<A, R>,
    { merged: previous, side }: GroupState<A, R>,
    { read, version }: DecodedHead<A, R>
  ): Effect.Effect<GroupState<A, R>, Reason | PolicyFailure<E | WireError>, CouchHttp | R | R2> {
    const { collection, policy, prepared: { id, structure } } = this
    return Effect.gen(function*() {
      if (Either.isLeft(read)) return yield* Effect.fail(new Unreadable(read.left))
      const common = structure.history.common(side, version.raw.rev)
      const head = common._tag === "One" ? yield* ancestor(common.revision) : Option.none()
      const base = pairBaseOf(common, head, policy.rules)
      const merged = yield* mergePair({ collection, id }, policy, previous, read.right, base)
      side.add(version.raw.rev)
      return { side, merged }
    })
  }

  /** The merge of a group, and the versions that are left. A group of one head is not merged. */
  private mergeGroup({ heads, state, why }: Group<DecodedHead<A, R>, GroupState<A, R>>): {
    readonly finalHeads: ReadonlyArray<FinalHead>
    readonly merged: PlannedMerge<A, R> | undefined
  } {
    const { id, structure } = this.prepared
    const [{ version: winner }, ...losers] = heads
    const merged = losers.length === 0
      ? undefined
      : stepOf(this.collection, id, state.merged, winner, losers.map(({ version }) => version), structure.history)
    return {
      merged,
      finalHeads: merged === undefined
        ? heads.map(({ version }) => ({
          rev: version.raw.rev,
          size: 1,
          why: losers.length === 0 ? why : withoutRevision
        }))
        : [{ rev: merged.rev, size: heads.length, why }]
    }
  }
}

const withoutRevision: Reason = {
  _tag: "Unknown",
  why: "an attachment has no digest, so the revision of the merge cannot be computed",
  clashes: []
}

/** A merge to store: its revision, its document, and the step that writes it. */
interface PlannedMerge<A, R> {
  readonly rev: Revision
  readonly document: Document<A, R>
  readonly step: Step<A, R>
}

/**
 * The step that stores a merge, or only tombstones if the merge equals the winner. Returns `undefined` if the revision
 * of the merge cannot be computed.
 */
const stepOf = <A, R>(
  collection: Bound<A, R>,
  id: string,
  content: PartialMerge<A, R>,
  winner: Version,
  losers: ReadonlyArray<Version>,
  history: History
): PlannedMerge<A, R> | undefined => {
  const common = { merged: losers.map(({ raw }) => raw.rev), withoutBase: content.withoutBase }
  if (equalsWinner(winner, content.raw, content.files)) {
    const { rev } = winner.raw
    const into = { rev, parent: history.parent(rev), also: [...history.also(rev)].sort() }
    return {
      rev,
      document: documentAt(collection, id, rev, content, winner.raw.stubs),
      step: {
        ...common,
        lists: [],
        merge: Option.none(),
        tombstones: losers.map((loser) => mergeTombstone(loser, into))
      }
    }
  }
  const merged = Option.getOrUndefined(mergedVersion(winner, losers, content.raw, content.files))
  if (merged === undefined) return undefined
  const { lists, merge, names } = merged
  const [rev, parent] = merge.path
  const into = { rev, parent, also: [...names].sort() }
  const stubs = content.files.size === 0
    ? Option.none()
    : Option.some(Json.fromEntries(Array.from(content.files, ([name, { stub }]) => [name, stub])))
  return {
    rev,
    document: documentAt(collection, id, rev, content, stubs),
    step: {
      ...common,
      lists,
      merge: Option.some(merge),
      tombstones: losers.map((loser) => mergeTombstone(loser, into))
    }
  }
}

export const documentAt = <A, R>(
  collection: Bound<A, R>,
  id: string,
  rev: Revision,
  content: PartialMerge<A, R>,
  stubs: Option.Option<Json.JsonObject>
): Document<A, R> =>
  value.clean(collection, id, "quorum", baseOf(collection, rev, bodyOf(content), { raw: content.raw, stubs }))

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
