/**
 * What to do about a conflict: policies, which are functions from a `ConflictError` to an effect.
 *
 * A policy is handed to `Effect.catchTag`, and the error channel afterwards says what can remain.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Schedule from "effect/Schedule"
import type * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type { FeedError, FollowOptions } from "../changes/Changes.js"
import * as combinators from "../conflict/combinators.js"
import { type Again, type Overlapping, type Policy } from "../conflict/model.js"
import * as policies from "../conflict/policies.js"
import type { InvalidIdError } from "../data/errors.js"
import type { Revision } from "../data/Revision.js"
import type { Collection } from "../document/Collection.js"
import type { Document } from "../document/Document.js"
import type { ConflictError, DecodeError, EncodeError } from "../document/errors.js"
import { type ReadError } from "../document/errors.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import type { NotFoundError, RequestError } from "../http/errors.js"
import type { Merge } from "../merge/Merge.js"
import { type Leaf, type UnresolvedReason } from "../siblings/model.js"
import type { SiblingPolicy } from "../siblings/SiblingPolicy.js"
import * as leaves from "./siblings.js"
import * as sweeping from "./sweep.js"
import * as watching from "./watch.js"

export {
  type Again,
  type ContextOf,
  type DocumentOf,
  type OverlapOf,
  type Overlapping,
  type OwnErrors,
  type Policy,
  type Reify
} from "../conflict/model.js"
export { type Path } from "../data/revisionPath.js"
export { type ReadError } from "../document/errors.js"
export { type Leaf, type UnresolvedReason } from "../siblings/model.js"

/**
 * A policy of one's own: `name` is what metrics and spans call it. `settle` gets the conflict, and gives a document or a
 * failure; failing with the conflict itself, or with a new one, leaves it in the error channel.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { Collection, Conflict, Document } from "effect-couchdb"
 *
 * const drafts = Collection.make("zoo", Schema.Struct({ text: Schema.String }))
 *
 * const saveAs = Conflict.make(drafts, "saveAs", ({ attempted }) =>
 *   Document.create(drafts, `${attempted.id}-mine`, attempted.body))
 *
 * const saved = (doc: Document.Document<{ readonly text: string }>) =>
 *   Document.save(doc).pipe(Effect.catchTag("ConflictError", saveAs))
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: <A, I, R, K, E = never, R2 = never>(
  collection: Collection<A, I, R, K>,
  name: string,
  settle: (conflict: ConflictError<A, R>) => Effect.Effect<Document<A, R>, E, R2>
) => Policy<A, E, R2> = policies.make

/**
 * Leaves the conflict as it is: the end of a chain of policies.
 *
 * @since 0.1.0
 * @category policies
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a policy for every document
export const fail: Policy<any, Again> = policies.fail

/**
 * Leaves the server as it is, and gives back the document that was to be written, still with its edits. Right where only
 * the existence of the document matters.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { Collection, Conflict, Document } from "effect-couchdb"
 *
 * const seen = Collection.make("zoo", Schema.Struct({ at: Schema.String }))
 *
 * const mark = Document.create(seen, "monarch", { at: "2026-11-23" }).pipe(
 *   Effect.catchTag("ConflictError", Conflict.ignore)
 * )
 *
 * @since 0.1.0
 * @category policies
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a policy for every document
export const ignore: Policy<any> = policies.ignore

/**
 * Repeats the operation over the current revision. The other client's edits of the body are lost; its attachments are kept.
 * A document that the other client deleted is created again. Another client may write first again, so a `ConflictError` can
 * remain.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { Collection, Conflict, Document } from "effect-couchdb"
 *
 * const settings = Collection.make("zoo", Schema.Struct({ theme: Schema.String }))
 *
 * const dark = Document.make(settings, "settings", { theme: "dark" }).pipe(
 *   Document.save,
 *   Effect.catchTag("ConflictError", Conflict.overwrite)
 * )
 *
 * @since 0.1.0
 * @category policies
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a policy for every document
export const overwrite: Policy<any, Again, CouchHttp> = policies.overwrite

/**
 * Gives up the edit, and reads what the other side wrote. A document that it deleted is a `NotFoundError`.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { Collection, Conflict, Document } from "effect-couchdb"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))
 *
 * const settled = Document.create(butterflies, "monarch", { name: "Monarch", seen: 0 }).pipe(
 *   Effect.catchTag("ConflictError", Conflict.keepTheirs)
 * )
 *
 * @since 0.1.0
 * @category policies
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a policy for every document
export const keepTheirs: Policy<any, ReadError, CouchHttp> = policies.keepTheirs

/**
 * Merges both edits, three ways with the base that the document remembers, and writes the result on top of the other
 * side's. Two edits that do not merge, or an edit that meets a deletion, are an `OverlapError`; a write that is refused
 * again a `ConflictError`, for {@link retry}. Members that the schema does not know are the other side's.
 *
 * A delete that was refused is carried out if the other side left the body as it was, and overlaps if it did not.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { Collection, Conflict, Document, Merge } from "effect-couchdb"
 *
 * const Butterfly = Schema.Struct({
 *   name: Schema.String,
 *   seen: Schema.Number.pipe(Merge.annotate(Merge.counter))
 * })
 * const merging = Conflict.merge(Merge.make(Butterfly)).pipe(Conflict.retry())
 *
 * const saved = (doc: Document.Document<typeof Butterfly.Type>) =>
 *   Document.save(doc).pipe(Effect.catchTag("ConflictError", merging))
 *
 * @since 0.1.0
 * @category policies
 */
export const merge: <A>(
  merge: Merge<A>
) => Policy<A, Again | Overlapping | DecodeError, CouchHttp> = policies.merge

/**
 * Reads what the other side wrote, applies the edit to that, and writes it. `edit` gets their body and the one that was
 * refused. A document that the other side deleted is a `NotFoundError`.
 *
 * @example
 * import { Schema } from "effect"
 * import { Collection, Conflict } from "effect-couchdb"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))
 *
 * const onceMore = Conflict.reapply(butterflies, (theirs) => ({ ...theirs, seen: theirs.seen + 1 }))
 *
 * @since 0.1.0
 * @category policies
 */
export const reapply: <A, I, R, K>(
  collection: Collection<A, I, R, K>,
  edit: (theirs: NoInfer<A>, mine: NoInfer<A>) => NoInfer<A>
) => Policy<A, Again | DecodeError, CouchHttp> = policies.reapply

/**
 * Writes the refused document beside the other side's, as a sibling: `PUT /{db}/{docid}?new_edits=false`. Nothing is lost,
 * and the document is in conflict until somebody resolves it. A delete or a copy cannot be forked, and stays refused.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { Collection, Conflict, Document } from "effect-couchdb"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))
 *
 * const both = Document.create(butterflies, "monarch", { name: "Monarch", seen: 0 }).pipe(
 *   Effect.catchTag("ConflictError", Conflict.fork)
 * )
 *
 * @since 0.1.0
 * @category policies
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a policy for every document
export const fork: Policy<any, Again, CouchHttp> = policies.fork

/**
 * What to do if the other client deleted the document: create it again with the refused body, accept the deletion, which
 * returns the attempted document and writes nothing, or leave the conflict. Every other conflict is passed to the policy.
 *
 * @example
 * import { Schema } from "effect"
 * import { Conflict, Merge } from "effect-couchdb"
 *
 * const policy = Conflict.merge(Merge.make(Schema.Struct({ text: Merge.Text }))).pipe(
 *   Conflict.onDeleted("recreate"),
 *   Conflict.retry()
 * )
 *
 * @since 0.1.0
 * @category combinators
 */
export const onDeleted: (
  choice: "recreate" | "accept" | "fail"
) => <A, E, R>(self: Policy<A, E, R>) => Policy<A, E | Again, R | CouchHttp> = combinators.onDeleted

/**
 * What to do about two edits that do not merge: the second policy gets the conflict then.
 *
 * @example
 * import { Schema } from "effect"
 * import { Conflict, Merge } from "effect-couchdb"
 *
 * const policy = Conflict.merge(Merge.make(Schema.Struct({ name: Schema.String }))).pipe(
 *   Conflict.orElse(Conflict.keepTheirs)
 * )
 *
 * @since 0.1.0
 * @category combinators
 */
export const orElse: <B, E2, R2>(
  that: Policy<B, E2, R2>
) => <A extends B, E, R>(self: Policy<A, E, R>) => Policy<A, Exclude<E, Overlapping> | E2, R | R2> = combinators.orElse

/**
 * A policy for the conflicts that the predicate picks; every other one stays as it is.
 *
 * @example
 * import { Conflict } from "effect-couchdb"
 *
 * const savesOnly = Conflict.overwrite.pipe(Conflict.when(({ operation }) => operation === "save"))
 *
 * @since 0.1.0
 * @category combinators
 */
export const when: <A>(
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- any requirement, and whatever the operation gives
  predicate: (conflict: ConflictError<A, any, any>) => boolean
) => <E, R>(self: Policy<A, E, R>) => Policy<A, E | Again, R> = combinators.when

/**
 * A policy for conflicts of documents that a schema takes, on both sides, as one kind of a union: it reads what the other
 * side wrote first. Every other conflict stays as it is.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { Collection, Conflict, Document, Merge } from "effect-couchdb"
 *
 * const Note = Schema.Struct({ kind: Schema.Literal("note"), text: Merge.Text })
 * const Photo = Schema.Struct({ kind: Schema.Literal("photo"), url: Schema.String })
 * const things = Collection.make("things", Schema.Union(Note, Photo))
 *
 * const saved = (doc: Document.Document<typeof things.schema.Type>) =>
 *   Document.save(doc).pipe(
 *     Effect.catchTag("ConflictError", Conflict.merge(Merge.make(things)).pipe(Conflict.whenSchema(Note)))
 *   )
 *
 * @since 0.1.0
 * @category combinators
 */
export const whenSchema: <B, I>(
  schema: Schema.Schema<B, I>
) => <A, E, R>(self: Policy<A, E, R>) => Policy<A, E | Again | DecodeError, R | CouchHttp> = combinators.whenSchema

/**
 * A policy for each kind of document, by what `kindOf` finds in the refused body. A kind without a policy stays in
 * conflict.
 *
 * @example
 * import { Schema } from "effect"
 * import { Collection, Conflict, Merge } from "effect-couchdb"
 *
 * const things = Collection.make("things", Schema.Struct({ kind: Schema.String, text: Merge.Text }))
 *
 * const policy = Conflict.matchBy(things, ({ kind }) => kind, {
 *   note: Conflict.merge(Merge.make(things)),
 *   draft: Conflict.overwrite
 * })
 *
 * @since 0.1.0
 * @category policies
 */
export const matchBy: <A, I, R0, K, Cases extends Readonly<Record<string, AnyCase<A>>>>(
  collection: Collection<A, I, R0, K>,
  kindOf: (body: NoInfer<A>) => string,
  cases: Cases
) => Policy<A, CaseError<Cases[keyof Cases]> | Again, CaseContext<Cases[keyof Cases]>> = combinators.matchBy

/**
 * A policy for documents whose body is `A`, whatever it adds.
 *
 * @since 0.1.0
 * @category type level
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- any errors and requirements
export type AnyCase<A> = Policy<A, any, any>

/**
 * What a policy adds to the errors.
 *
 * @since 0.1.0
 * @category type level
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- whatever the documents
export type CaseError<P> = P extends Policy<any, infer E, infer _R> ? E : never

/**
 * What a policy requires.
 *
 * @since 0.1.0
 * @category type level
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- whatever the documents
export type CaseContext<P> = P extends Policy<any, infer _E, infer R> ? R : never

/**
 * Applies the policy again to a new conflict, which is normal with many writers. By default up to twenty times, at first
 * without a delay, then with full jitter, 10 ms doubling to a second. Fails with the last error, which has the number of
 * attempts.
 *
 * @example
 * import { Schedule } from "effect"
 * import { Conflict } from "effect-couchdb"
 *
 * const patient = Conflict.overwrite.pipe(Conflict.retry(Schedule.recurs(100)))
 *
 * @since 0.1.0
 * @category combinators
 */
export const retry: {
  (): <A, E, R>(self: Policy<A, E, R>) => Policy<A, E, R>
  <R2>(
    // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the conflicts of every document
    schedule: Schedule.Schedule<unknown, ConflictError<any, any, any>, R2>
  ): <A, E, R>(self: Policy<A, E, R>) => Policy<A, E, R | R2>
} = combinators.retry

/**
 * Applies the policy again to a new conflict without a delay, up to a total number of attempts.
 *
 * @example
 * import { Conflict } from "effect-couchdb"
 *
 * const twice = Conflict.overwrite.pipe(Conflict.limit(2))
 *
 * @since 0.1.0
 * @category combinators
 */
export const limit: (attempts: number) => <A, E, R>(self: Policy<A, E, R>) => Policy<A, E, R> = combinators.limit

/**
 * Looks at each conflict before the policy does: to log, or to count.
 *
 * @example
 * import { Effect } from "effect"
 * import { Conflict } from "effect-couchdb"
 *
 * const logged = Conflict.overwrite.pipe(Conflict.tap(({ id }) => Effect.logWarning("conflict", id)))
 *
 * @since 0.1.0
 * @category combinators
 */
export const tap: <A, E2, R2>(
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- any requirement, and whatever the operation gives
  f: (conflict: ConflictError<A, any, any>) => Effect.Effect<unknown, E2, R2>
) => <E, R>(self: Policy<A, E, R>) => Policy<A, E | E2, R | R2> = combinators.tap

/**
 * Saves the refused version for manual review before the policy decides: it is created in another collection of the same
 * schema, under its own id, `~`, and the revision that it would have had. A document with this id is the same version.
 *
 * @example
 * import { Schema } from "effect"
 * import { Collection, Conflict } from "effect-couchdb"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))
 * const aside = Collection.make("quarantine", butterflies.schema)
 *
 * const kept = Conflict.keepTheirs.pipe(Conflict.quarantine(aside))
 *
 * @since 0.1.0
 * @category combinators
 */
export const quarantine: <A, I, R0>(
  aside: Collection<A, I, R0>
) => <E, R>(
  self: Policy<A, E, R>
) => Policy<A, E | NotFoundError | EncodeError | InvalidIdError | RequestError, R | R0 | CouchHttp> =
  combinators.quarantine

/**
 * All ends of a document's history, in the order in which CouchDB picks the winner: the first one wins.
 *
 * @since 0.1.0
 * @category siblings
 */
export interface Siblings<A, R = never> {
  readonly id: string
  readonly leaves: readonly [Leaf<A, R>, ...ReadonlyArray<Leaf<A, R>>]
}

/**
 * Reads every leaf of a document, live and deleted: `GET /{db}/{docid}?open_revs=all&revs=true`. Siblings are the live leaf
 * revisions of one document; they exist after replicas were edited independently. A leaf that cannot be decoded is reported as
 * such. Fails with a `NotFoundError` if the document never existed.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { Collection, Conflict } from "effect-couchdb"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String }))
 *
 * const inConflict = Conflict.siblings(butterflies, "monarch").pipe(
 *   Effect.map(({ leaves }) => leaves.filter(({ _tag }) => _tag !== "Deleted").length > 1)
 * )
 *
 * @since 0.1.0
 * @category siblings
 */
export const siblings: {
  <K>(
    id: K
  ): <A, I, R>(
    collection: Collection<A, I, R, K>
  ) => Effect.Effect<Siblings<A, R>, NotFoundError | InvalidIdError | RequestError, CouchHttp | R>
  <A, I, R, K>(
    collection: Collection<A, I, R, K>,
    id: NoInfer<K>
  ): Effect.Effect<Siblings<A, R>, NotFoundError | InvalidIdError | RequestError, CouchHttp | R>
} = leaves.siblings

/**
 * What was written: `document` is the current document (`None` if a deletion won), `merged` are the versions that it contains,
 * and `deleted` those of them that were deleted. `withoutBase` lists the paths that were merged without a common ancestor.
 * After a partial resolution `document` is the merge of most versions, and `merged` includes the versions of the others.
 *
 * @since 0.1.0
 * @category siblings
 */
export interface Settled<A, R = never> {
  readonly id: string
  readonly document: Option.Option<Document<A, R>>
  readonly merged: ReadonlyArray<Revision>
  readonly deleted: ReadonlyArray<Revision>
  readonly withoutBase: ReadonlyArray<ReadonlyArray<PropertyKey>>
}

/**
 * The outcome of resolving a document.
 *
 * - `Resolved`: one version remains
 * - `PartiallyResolved`: a merge and some other versions remain, each with its reason: it does not merge with the others, and
 *   is `Unresolved` the next time, or a write failed, for which you resolve the document again
 * - `Superseded`: other clients wrote the document each time it was read. No edit is lost; resolve the document again
 * - `Unresolved`: no two versions merge, and nothing was written; `versions` are the live leaves, the winner first
 * - `NothingToDo`: the document has no siblings
 *
 * @since 0.1.0
 * @category siblings
 */
export type Resolution<A, R = never> =
  | { readonly _tag: "Resolved" } & Settled<A, R>
  | {
    readonly _tag: "PartiallyResolved"
    readonly remaining: ReadonlyArray<{ readonly rev: Revision; readonly why: string }>
  } & Settled<A, R>
  | { readonly _tag: "Superseded"; readonly id: string; readonly document: Option.Option<Document<A, R>> }
  | {
    readonly _tag: "Unresolved"
    readonly id: string
    readonly reason: UnresolvedReason
    readonly versions: ReadonlyArray<Leaf<A, R>>
  }
  | { readonly _tag: "NothingToDo"; readonly id: string }

/**
 * Merges the siblings of a document, of any number. They are merged in order, the winner first, and the merge is written on
 * top of the winner. When it is known to be stored, the losers are deleted, and their tombstones keep their bodies. Attachments
 * of losers are copied to the merge. A version that the policy does not decide remains, and the others are merged without it.
 *
 * The result depends only on the versions: replicas that resolve the same siblings write the same revision, and replicate
 * without a conflict. The revision path of the merge records what it contains, so that nothing counts twice if a loser is
 * edited elsewhere. The effect may be interrupted between any two requests and run again.
 *
 * Endpoints: `POST /{db}/_all_docs`, `POST /{db}/_bulk_get` and `POST /{db}/_bulk_docs`, each with at most 200 versions in a
 * request; `POST /{db}/_changes` if tombstones count; `GET /{db}/{docid}` for a loser with attachments, and for the history if a
 * deletion may count; `POST /{db}/_revs_diff` if another client writes at the same time. More than 64 siblings take several
 * merges: with lineage one on top of the other, and without lineage one that names tombstones with lists of them.
 *
 * @example
 * import { Effect, Schema } from "effect"
 * import { Collection, Conflict, Merge } from "effect-couchdb"
 *
 * const cards = Collection.make("office", Schema.Struct({
 *   name: Schema.String,
 *   phones: Schema.Array(Schema.String).pipe(Merge.annotate(Merge.set))
 * }))
 *
 * const resolved = Conflict.resolve(cards, "ada", Merge.make(cards)).pipe(
 *   Effect.flatMap((outcome) =>
 *     outcome._tag === "Unresolved"
 *       ? Effect.logWarning(`${outcome.id} needs manual review: ${outcome.reason.why}`)
 *       : Effect.void
 *   )
 * )
 *
 * @since 0.1.0
 * @category siblings
 */
export const resolve: {
  <K, A, E = never, R2 = never>(
    id: K,
    policy: SiblingPolicy<A, E, R2> | Merge<A>
  ): <I, R>(
    collection: Collection<A, I, R, K>
  ) => Effect.Effect<Resolution<A, R>, E | NotFoundError | InvalidIdError | RequestError, CouchHttp | R | R2>
  <A, I, R, K, E = never, R2 = never>(
    collection: Collection<A, I, R, K>,
    id: NoInfer<K>,
    policy: SiblingPolicy<NoInfer<A>, E, R2> | Merge<NoInfer<A>>
  ): Effect.Effect<Resolution<A, R>, E | NotFoundError | InvalidIdError | RequestError, CouchHttp | R | R2>
} = sweeping.resolve

/**
 * Every document of the collection that has siblings, with all its leaves. Reads the changes of the database in pages, so
 * that memory stays flat: `GET /{db}/_changes?style=all_docs`.
 *
 * @example
 * import { Schema, Stream } from "effect"
 * import { Collection, Conflict } from "effect-couchdb"
 *
 * const cards = Collection.make("office", Schema.Struct({ name: Schema.String }))
 *
 * const howMany = Stream.runCount(Conflict.stream(cards))
 *
 * @since 0.1.0
 * @category siblings
 */
export const stream: <A, I, R, K>(
  collection: Collection<A, I, R, K>
) => Stream.Stream<Siblings<A, R>, NotFoundError | RequestError, CouchHttp | R> = sweeping.stream

/**
 * The progress of a sweep. `scanned` and `pending` count changes of the database, including other collections. The other
 * members count the outcomes of documents with siblings. Pass `since` to another sweep to resume from here.
 *
 * @since 0.1.0
 * @category siblings
 */
export interface Progress {
  readonly since: string
  readonly scanned: number
  readonly pending: number
  readonly resolved: number
  readonly partiallyResolved: number
  readonly superseded: number
  readonly unresolved: number
}

/**
 * The elements of a sweep: each outcome, the progress after each page, and a summary at the end.
 *
 * @since 0.1.0
 * @category siblings
 */
export type Swept<A, R = never> =
  | { readonly _tag: "Outcome"; readonly resolution: Resolution<A, R> }
  | { readonly _tag: "Progress" } & Progress
  | { readonly _tag: "Summary" } & Progress

/**
 * How often one document may be resolved within how long. One that is in conflict again and again is `Unresolved` as
 * `Looping` then, since some other resolver must disagree with this one.
 *
 * @since 0.1.0
 * @category siblings
 */
export interface GuardOptions {
  readonly times: number
  readonly within: Duration.DurationInput
}

/**
 * How to sweep.
 *
 * - `since`: where an earlier sweep was
 * - `pageSize`: how many documents are looked at together, and at most resolved in one go; 200 by default
 * - `guard`: five times in a minute by default
 *
 * @since 0.1.0
 * @category siblings
 */
export interface SweepOptions {
  readonly since?: string | undefined
  readonly pageSize?: number | undefined
  readonly guard?: GuardOptions | undefined
}

/**
 * Resolves all siblings of a collection, page by page, many documents in one request. Memory does not grow with the database.
 * An interrupted sweep can resume from its last `Progress`, or start again, which has no further effect.
 *
 * @example
 * import { Effect, Schema, Stream } from "effect"
 * import { Collection, Conflict, Merge } from "effect-couchdb"
 *
 * const cards = Collection.make("office", Schema.Struct({ name: Schema.String, votes: Merge.Counter }))
 *
 * const swept = Conflict.sweep(cards, Merge.make(cards)).pipe(
 *   Stream.runForEach((event) =>
 *     event._tag === "Summary" ? Effect.log(`${event.resolved} resolved, ${event.unresolved} for manual review`) : Effect.void
 *   )
 * )
 *
 * @since 0.1.0
 * @category siblings
 */
export const sweep: <A, I, R, K, E = never, R2 = never>(
  collection: Collection<A, I, R, K>,
  policy: SiblingPolicy<NoInfer<A>, E, R2> | Merge<NoInfer<A>>,
  options?: SweepOptions
) => Stream.Stream<Swept<A, R>, E | NotFoundError | RequestError, CouchHttp | R | R2> = sweeping.sweep

/**
 * How to watch: `since`, `checkpoint` and the like are those of `Changes.follow`. `retry` and `onReconnect` are also for
 * the resolution itself.
 *
 * - `guard`: five times in a minute by default
 *
 * @since 0.1.0
 * @category siblings
 */
export interface WatchOptions<out E = never, out R = never, out E2 = never, out R2 = never> extends
  Pick<
    FollowOptions<E, R, E2, R2>,
    "since" | "checkpoint" | "checkpointEvery" | "heartbeat" | "retry" | "onReconnect"
  >
{
  readonly guard?: GuardOptions | undefined
}

/**
 * Follows the changes of the database and resolves siblings as they appear, after those that exist already. Emits each
 * outcome, recovers from failures as `Changes.follow` does, and ends when the database is deleted.
 *
 * @example
 * import { Effect, Schema, Stream } from "effect"
 * import { Changes, Collection, Conflict, Merge } from "effect-couchdb"
 *
 * const cards = Collection.make("office", Schema.Struct({ name: Schema.String, votes: Merge.Counter }))
 *
 * const resolver = Conflict.watch(cards, Merge.make(cards), { checkpoint: Changes.inLocalDocument("office", "resolver") }).pipe(
 *   Stream.runForEach((outcome) =>
 *     outcome._tag === "Unresolved" ? Effect.logWarning(`${outcome.id} needs manual review: ${outcome.reason.why}`) : Effect.void
 *   )
 * )
 *
 * @since 0.1.0
 * @category siblings
 */
export const watch: <A, I, R, K, E = never, R2 = never, E3 = never, R3 = never, E4 = never, R4 = never>(
  collection: Collection<A, I, R, K>,
  policy: SiblingPolicy<NoInfer<A>, E, R2> | Merge<NoInfer<A>>,
  options?: WatchOptions<E3, R3, E4, R4>
) => Stream.Stream<Resolution<A, R>, E | E3 | E4 | FeedError, CouchHttp | R | R2 | R3 | R4> = watching.watch
