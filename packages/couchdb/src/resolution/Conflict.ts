/**
 * Policies for conflicts, which are functions from a `ConflictError` to an effect, and the resolution of siblings.
 *
 * `Effect.catchTag` applies a policy to a refused write, and the error channel shows which errors remain.
 *
 * Siblings are the conflicting leaf revisions of a document, which arise when replicas of a database are edited
 * independently. CouchDB chooses one of them as the winner, and keeps the others until they are resolved.
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
 * Makes a custom policy. `name` identifies it in metrics and spans. `settle` receives the conflict, and returns a
 * document or fails; failing with the conflict itself, or with a new one, leaves it in the error channel.
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
 * Leaves the conflict unresolved, as the end of a chain of policies.
 *
 * @since 0.1.0
 * @category policies
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a policy for every document
export const fail: Policy<any, Again> = policies.fail

/**
 * Leaves the server unchanged, and returns the attempted document with its edits. Use it if only the existence of the
 * document matters.
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
 * Repeats the operation over the current revision, which discards the other side's edits of the body and keeps its
 * attachments. A document that the other side deleted is re-created. Another client may write again meanwhile, so a
 * `ConflictError` can remain.
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
 * Discards the edit, and reads the other side's document. Fails with a `NotFoundError` if the other side deleted it.
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
 * Merges both edits in a three-way merge, with the base that the document keeps, and writes the result on top of the
 * other side's revision. Fails with an `OverlapError` if the edits do not merge, or if an edit meets a deletion, and
 * with a `ConflictError` if the write is refused again, which {@link retry} handles. Members that the schema does not
 * declare are taken from the other side.
 *
 * A refused delete is performed if the other side did not change the body; otherwise it overlaps.
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
 * Reads the other side's document, applies the edit to it, and writes it. `edit` receives the other side's body and the
 * refused one. Fails with a `NotFoundError` if the other side deleted the document.
 *
 * @example
 * import { Schema } from "effect"
 * import { Collection, Conflict } from "effect-couchdb"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))
 *
 * const increment = Conflict.reapply(butterflies, (theirs) => ({ ...theirs, seen: theirs.seen + 1 }))
 *
 * @since 0.1.0
 * @category policies
 */
export const reapply: <A, I, R, K>(
  collection: Collection<A, I, R, K>,
  edit: (theirs: NoInfer<A>, mine: NoInfer<A>) => NoInfer<A>
) => Policy<A, Again | DecodeError, CouchHttp> = policies.reapply

/**
 * Stores the refused document as a sibling of the other side's revision: `PUT /{db}/{docid}?new_edits=false`. Both
 * versions are kept, and the document is in conflict until its siblings are resolved. Deletes and copies cannot be
 * forked, and stay refused.
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
 * Handles documents that the other side deleted: re-creates the document with the refused body, accepts the deletion,
 * which returns the attempted document without writing, or leaves the conflict. Every other conflict is passed to the
 * policy.
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
 * Passes the conflict to a second policy if the edits do not merge.
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
 * Applies a policy to the conflicts that satisfy a predicate, and leaves the others.
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
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- any requirements and any result
  predicate: (conflict: ConflictError<A, any, any>) => boolean
) => <E, R>(self: Policy<A, E, R>) => Policy<A, E | Again, R> = combinators.when

/**
 * Applies a policy to conflicts of documents whose bodies match a schema on both sides, such as one member of a union.
 * It reads the other side's document first. Every other conflict is left.
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
 * Selects a policy by the kind of document, which `kindOf` determines from the refused body. A kind without a policy
 * stays in conflict.
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
 * A policy for documents whose body is `A`, with any errors and requirements.
 *
 * @since 0.1.0
 * @category type level
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- any errors and requirements
export type AnyCase<A> = Policy<A, any, any>

/**
 * The errors that a policy adds.
 *
 * @since 0.1.0
 * @category type level
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- any document
export type CaseError<P> = P extends Policy<any, infer E, infer _R> ? E : never

/**
 * The requirements of a policy.
 *
 * @since 0.1.0
 * @category type level
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- any document
export type CaseContext<P> = P extends Policy<any, infer _E, infer R> ? R : never

/**
 * Passes each new conflict to the policy again, which is normal with many concurrent writers. By default it retries up
 * to twenty times: first immediately, then with full jitter, 10 ms doubling up to a second. Fails with the last error,
 * which contains the number of attempts.
 *
 * @example
 * import { Schedule } from "effect"
 * import { Conflict } from "effect-couchdb"
 *
 * const persistent = Conflict.overwrite.pipe(Conflict.retry(Schedule.recurs(100)))
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
 * Passes each new conflict to the policy again immediately, for at most n attempts in total.
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
 * Runs an effect for each conflict before the policy, for example to log or count it.
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
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- any requirements and any result
  f: (conflict: ConflictError<A, any, any>) => Effect.Effect<unknown, E2, R2>
) => <E, R>(self: Policy<A, E, R>) => Policy<A, E | E2, R | R2> = combinators.tap

/**
 * Saves the refused version for manual review before the policy runs. It is created in another collection of the same
 * schema, with an id that consists of the document's id, `~`, and the revision that it would have had. If this document
 * exists, it contains the same version.
 *
 * @example
 * import { Schema } from "effect"
 * import { Collection, Conflict } from "effect-couchdb"
 *
 * const butterflies = Collection.make("zoo", Schema.Struct({ name: Schema.String, seen: Schema.Number }))
 * const aside = Collection.make("quarantine", butterflies.schema)
 *
 * const keepTheirs = Conflict.keepTheirs.pipe(Conflict.quarantine(aside))
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
 * All leaf revisions of a document, in the order in which CouchDB chooses the winner: the winner first.
 *
 * @since 0.1.0
 * @category siblings
 */
export interface Siblings<A, R = never> {
  readonly id: string
  readonly leaves: readonly [Leaf<A, R>, ...ReadonlyArray<Leaf<A, R>>]
}

/**
 * Reads every leaf revision of a document, live and deleted: `GET /{db}/{docid}?open_revs=all&revs=true`. A leaf that
 * does not match the schema is reported as such, without affecting the others. Fails with a `NotFoundError` if the
 * document has never existed.
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
 * The result of a resolution.
 *
 * - `document`: the current document, or `None` if a deletion won. After a partial resolution, it is the merge that
 *   includes most versions
 * - `merged`: the versions that were merged, after a partial resolution also those of other merges
 * - `buried`: the merged versions that were replaced by tombstones
 * - `withoutBase`: the paths that were merged without a common ancestor
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
 * The outcome of resolving the siblings of a document.
 *
 * - `Resolved`: one version remains
 * - `PartiallyResolved`: a merge was written, and some versions remain, each with a reason: either it does not merge
 *   with the others, and the next resolution returns `Unresolved`, or something could not be written, and the
 *   resolution should be run again
 * - `Superseded`: other clients wrote the document during each attempt; nothing is lost, and the resolution should be
 *   run again
 * - `Unresolved`: no two versions merge, and nothing was written; `versions` lists them, the winner first
 * - `NothingToDo`: there are no siblings
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
 * Merges the siblings of a document, however many there are, into one version. They are merged in order, the winner
 * first, and the merge is written on top of the winner. Once it is known to be stored, the losers are replaced by
 * tombstones that keep their bodies. Attachments of losers are copied to the merge. A version that the policy cannot
 * merge is kept, and the others are merged without it.
 *
 * The result depends only on the versions: replicas that resolve the same siblings write the same revision, and
 * replicate without a new conflict. The revision path of the merge records which versions it includes, so that nothing
 * is merged twice if a loser is edited elsewhere. The resolution can be interrupted between any two requests and run
 * again.
 *
 * Endpoints: `_all_docs`, `_bulk_get` and `_bulk_docs`, each with at most 200 versions in a request; `_changes` if
 * tombstones matter; a GET of each loser with attachments, and of the history if a deletion may matter; `_revs_diff` if
 * another client writes at the same time. More than 64 siblings require several merges: with lineage, each on top of
 * the previous one; without lineage, one merge that refers to further tombstones, which list the merged versions.
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
 * Streams every document of the collection that has siblings, with all its leaf revisions. It reads the changes of the
 * database in pages, in constant memory: `GET /{db}/_changes?style=all_docs`.
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
 * The progress of a sweep. `scanned` and `pending` count changes of the database, including other collections; the
 * other members count the outcomes of documents with siblings. Another sweep resumes from `since`.
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
 * An element of a sweep: each outcome, the progress after each page, and a summary at the end.
 *
 * @since 0.1.0
 * @category siblings
 */
export type Swept<A, R = never> =
  | { readonly _tag: "Outcome"; readonly resolution: Resolution<A, R> }
  | { readonly _tag: "Progress" } & Progress
  | { readonly _tag: "Summary" } & Progress

/**
 * Limits how often a document is resolved: at most `times` within `within`. A document that exceeds it is `Unresolved`
 * with the reason `Looping`, because another resolver probably disagrees with this one.
 *
 * @since 0.1.0
 * @category siblings
 */
export interface GuardOptions {
  readonly times: number
  readonly within: Duration.DurationInput
}

/**
 * The options of a sweep.
 *
 * - `since`: the sequence to resume from
 * - `pageSize`: how many documents are read together, and at most resolved together; 200 by default
 * - `guard`: at most five resolutions of a document within a minute by default
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
 * Resolves all siblings of a collection page by page, with many documents in a request. Memory use does not depend on
 * the size of the database. An interrupted sweep can be resumed from the last `Progress`, or run again from the start
 * without harm.
 *
 * @example
 * import { Effect, Schema, Stream } from "effect"
 * import { Collection, Conflict, Merge } from "effect-couchdb"
 *
 * const cards = Collection.make("office", Schema.Struct({ name: Schema.String, votes: Merge.Counter }))
 *
 * const swept = Conflict.sweep(cards, Merge.make(cards)).pipe(
 *   Stream.runForEach((event) =>
 *     event._tag === "Summary"
 *       ? Effect.log(`${event.resolved} resolved, ${event.unresolved} for manual review`)
 *       : Effect.void
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
 * The options of a watch. `since`, `checkpoint` and the others are those of `Changes.follow`. `retry` and `onReconnect`
 * also apply to the resolution itself.
 *
 * - `guard`: at most five resolutions of a document within a minute by default
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
 * Follows the changes of the database and resolves siblings as they arise, existing ones first. It streams the
 * outcomes, recovers from failures as `Changes.follow` does, and ends when the database is deleted.
 *
 * @example
 * import { Effect, Schema, Stream } from "effect"
 * import { Changes, Collection, Conflict, Merge } from "effect-couchdb"
 *
 * const cards = Collection.make("office", Schema.Struct({ name: Schema.String, votes: Merge.Counter }))
 *
 * const checkpoint = Changes.inLocalDocument("office", "resolver")
 * const resolver = Conflict.watch(cards, Merge.make(cards), { checkpoint }).pipe(
 *   Stream.runForEach((outcome) =>
 *     outcome._tag === "Unresolved"
 *       ? Effect.logWarning(`${outcome.id} needs manual review: ${outcome.reason.why}`)
 *       : Effect.void
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
