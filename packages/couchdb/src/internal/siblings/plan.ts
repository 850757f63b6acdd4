import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { Bound } from "../../Collection.js"
import type { Deferral, Leaf } from "../../Conflict.js"
import type { CouchHttp } from "../../CouchHttp.js"
import type { DatabaseName } from "../../DatabaseName.js"
import type { Document } from "../../Document.js"
import * as Json from "../../Json.js"
import type { Revision } from "../../Revision.js"
import type { Rules, SiblingPolicy } from "../../SiblingPolicy.js"
import type { Version } from "../bulk/versions.js"
import type { WireError } from "../bulk/wireError.js"
import { decode } from "../document/codec.js"
import type { RawDocument } from "../document/raw.js"
import * as value from "../document/value.js"
import { type Burial, burial, buriedBody } from "./burial.js"
import { deletionsThatCount } from "./deletions.js"
import { filesOf } from "./files.js"
import { type Failed, fold, type Folded, type Head, type Unmerged } from "./fold.js"
import { isStanding, type MergedVersion, mergedVersion } from "./merged.js"
import { unmergedDeferral, unreadable } from "./outcome.js"
import { intoDeletion, type Structure, structureOf, winnersFirst } from "./structure.js"

/** What is to be done about the siblings of one document. */
export type Plan<A, R> =
  | { readonly _tag: "Nothing" }
  | { readonly _tag: "Defer"; readonly deferral: Deferral; readonly versions: ReadonlyArray<Leaf<A, R>> }
  | {
    readonly _tag: "Write"
    readonly document: Option.Option<Document<A, R>>
    readonly merge: Option.Option<MergedVersion>
    readonly burials: ReadonlyArray<Burial>
    /** The heads that the plan knows of. */
    readonly heads: ReadonlyArray<Revision>
    readonly merged: ReadonlyArray<Revision>
    readonly withoutBase: ReadonlyArray<ReadonlyArray<PropertyKey>>
  }

/** What is known of a document before its merge, and which ancestors the merge wants to see. */
export interface Prepared {
  readonly id: string
  readonly versions: ReadonlyArray<Version>
  readonly structure: Structure
  readonly heads: ReadonlyArray<Version>
  readonly contained: ReadonlyArray<Burial>
  readonly wanted: ReadonlyArray<Revision>
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
    const revs = heads.map(({ raw }) => raw.rev)
    return {
      id,
      versions,
      structure,
      heads,
      contained: [
        ...structure.contained.map(({ into, version }) => burial(version, into)),
        ...doomed.map(({ deletion, head }) => burial(head, intoDeletion(deletion)))
      ],
      wanted: Array.from(
        new Set(
          revs.slice(1).flatMap((rev, i) => {
            const common = structure.history.common(revs.slice(0, i + 1), rev)
            return common._tag === "One" ? [common.revision] : []
          })
        )
      ),
      unclear: verdict._tag === "Clear" ? Option.none() : Option.some(verdict.unmerged)
    }
  })
}

/** Decides, from what was read; `found` are ancestors that the server still has. */
export const plan = <A, R, E, R2>(
  collection: Bound<A, R>,
  prepared: Prepared,
  found: ReadonlyArray<RawDocument>,
  policy: SiblingPolicy<A, E, R2>
): Effect.Effect<Plan<A, R>, Failed<E>, R | R2> =>
  Effect.gen(function*() {
    const { contained, heads, id, structure, versions } = prepared
    const defer = (deferral: Deferral): Effect.Effect<Plan<A, R>, never, R> =>
      Effect.map(leavesOf(collection, versions), (versions) => ({ _tag: "Defer", deferral, versions }))
    if (Option.isSome(prepared.unclear)) return yield* defer(unmergedDeferral(prepared.unclear.value))
    const [first, ...rest] = heads
    if (first === undefined || rest.length === 0) {
      return contained.length === 0
        ? { _tag: "Nothing" }
        : {
          _tag: "Write",
          document: first === undefined
            ? Option.none()
            : Option.map(Either.getRight(yield* headOf(collection, id, first.raw)), ({ document }) => document),
          merge: Option.none(),
          burials: contained,
          heads: heads.map(({ raw }) => raw.rev),
          merged: [],
          withoutBase: []
        }
    }
    const read = yield* Effect.forEach(heads, ({ raw }) => headOf(collection, id, raw))
    const failure = read.find(Either.isLeft)
    if (failure !== undefined) return yield* defer(unreadable(failure.left))
    const [winner, ...losers] = Either.getOrElse(Either.all(read), () => [])
    if (winner === undefined) return { _tag: "Nothing" }
    const ancestors = yield* ancestorsOf(collection, prepared, found)
    const folded = yield* Effect.either(
      fold(
        { collection, id, history: structure.history, ancestor: (rev) => Option.fromNullable(ancestors.get(rev)) },
        policy,
        [winner, ...losers]
      )
    )
    if (Either.isLeft(folded)) {
      return folded.left._tag === "Failed"
        ? yield* Effect.fail(folded.left)
        : yield* defer(unmergedDeferral(folded.left))
    }
    return written(collection, id, folded.right, [first, ...rest], contained, structure) ??
      (yield* defer(unmergedDeferral({
        _tag: "Unknown",
        why: "an attachment has no digest by which the merge could be named",
        clashes: []
      })))
  })

/** The writes that store what the heads were merged to; none but burials where the winner says it all already. */
const written = <A, R>(
  collection: Bound<A, R>,
  id: string,
  folded: Folded<A, R>,
  heads: readonly [Version, ...ReadonlyArray<Version>],
  contained: ReadonlyArray<Burial>,
  structure: Structure
): Plan<A, R> | undefined => {
  const [winner, ...losers] = heads
  const common = {
    _tag: "Write" as const,
    heads: heads.map(({ raw }) => raw.rev),
    merged: losers.map(({ raw }) => raw.rev),
    withoutBase: folded.withoutBase
  }
  if (isStanding(winner, folded.raw, folded.files)) {
    const into = {
      rev: winner.raw.rev,
      parent: structure.history.parent(winner.raw.rev),
      also: [...structure.history.also(winner.raw.rev)].sort()
    }
    return {
      ...common,
      document: Option.some(documentAt(collection, id, winner.raw.rev, folded, winner.raw.stubs)),
      merge: Option.none(),
      burials: [...contained, ...losers.map((loser) => burial(loser, into))]
    }
  }
  const merged = Option.getOrUndefined(mergedVersion(winner, losers, folded.raw, folded.files))
  if (merged === undefined) return undefined
  const into = {
    rev: merged.path[0],
    parent: merged.path[1],
    also: losers.map(({ raw }) => raw.rev as string).sort()
  }
  const stubs = folded.files.size === 0
    ? Option.none()
    : Option.some(Json.fromEntries(Array.from(folded.files, ([name, { stub }]) => [name, stub])))
  return {
    ...common,
    document: Option.some(documentAt(collection, id, merged.path[0], folded, stubs)),
    merge: Option.some(merged),
    burials: [...contained, ...losers.map((loser) => burial(loser, into))]
  }
}

export const documentAt = <A, R>(
  collection: Bound<A, R>,
  id: string,
  rev: Revision,
  folded: Folded<A, R>,
  stubs: Option.Option<Json.JsonObject>
): Document<A, R> => value.clean(collection, id, "quorum", { rev, body: folded.document.body, raw: folded.raw, stubs })

const headOf = <A, R>(collection: Bound<A, R>, id: string, raw: RawDocument) =>
  Effect.either(Effect.map(decode(collection, raw), (base): Head<A, R> & { readonly rev: Revision } => ({
    rev: raw.rev,
    document: value.clean(collection, id, "quorum", base),
    raw: raw.raw,
    files: filesOf(raw.rev, raw.stubs)
  })))

/** The bodies of the revisions that heads have in common, from the server or from a burial. */
const ancestorsOf = <A, R>(
  collection: Bound<A, R>,
  { id, versions, wanted }: Prepared,
  found: ReadonlyArray<RawDocument>
): Effect.Effect<ReadonlyMap<Revision, Head<A, R>>, never, R> =>
  Effect.gen(function*() {
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
    const ancestors = new Map<Revision, Head<A, R>>()
    for (const raw of [...found, ...buried]) {
      if (!wanted.includes(raw.rev) || raw.deleted || ancestors.has(raw.rev)) continue
      // An ancestor that the schema does not read any more is as good as none.
      const head = yield* headOf(collection, id, raw)
      if (Either.isRight(head)) ancestors.set(raw.rev, head.right)
    }
    return ancestors
  })

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
