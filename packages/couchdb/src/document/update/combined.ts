import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type { Scope } from "effect/Scope"
import * as Json from "../../data/Json.js"
import { CouchHttp } from "../../http/CouchHttp.js"
import { currentAuth } from "../../http/currentAuth.js"
import { forkWithContextOf } from "../../http/forkWithContextOf.js"
import type { UpdateQueues } from "../../http/serviceState.js"
import { bodyIn } from "../bodies.js"
import { encode } from "../codec.js"
import { type AnyConflict, isConflict, withAttempts } from "../conflictError.js"
import type { Document, FetchError, SaveError } from "../Document.js"
import { asUpdate, fetchBound } from "../read.js"
import * as value from "../value.js"
import { conflict, put, save } from "../write.js"
import { retryConflicts } from "./attempt.js"
import { type Editing, type Kind, nameOf, sameKind, sentNothing, type Updated } from "./edit.js"

type Failure = FetchError | SaveError<unknown, unknown>
type Outcome = Effect.Effect<Document<unknown, unknown>, Failure>

/** A waiting edit, and the fiber that receives its outcome. */
interface Member extends Kind {
  readonly editing: Editing<unknown, unknown>
  readonly context: Context.Context<never>
  readonly resume: (outcome: Outcome) => void
  /** Whether it has an outcome, or its fiber no longer waits. */
  settled: boolean
}

type Known = Document<unknown, unknown> | undefined

/** Whether an edit cannot be combined: with lineage each edit has its own record. */
const mustStayAlone = ({ collection }: Editing<unknown, unknown>): boolean =>
  "lineage" in collection && collection.lineage !== undefined

const couchOf = ({ context }: Member) => Context.unsafeGet(context, CouchHttp)

const canCombine = (self: Member, that: Member): boolean =>
  sameKind(self, that) && couchOf(self) === couchOf(that) &&
  self.editing.options?.schedule === that.editing.options?.schedule &&
  !mustStayAlone(self.editing)

const isAbsent = (error: Failure): boolean =>
  error._tag === "NotFoundError" && (error.reason === "missing" || error.reason === "deleted")

/** Whether a single edit may have caused the failure: the server refused the contents of the document. */
const mayBeCausedByOne = ({ _tag }: Failure): boolean =>
  _tag === "ForbiddenError" || _tag === "PayloadTooLargeError" || _tag === "BadRequestError" ||
  _tag === "PreconditionFailedError"

/** The conflict of the combined edits as that of one edit: a policy for one edit must not repeat the others. */
const conflictOfOne = ({ editing }: Member, on: Known, error: AnyConflict): Outcome =>
  Effect.suspend(() => {
    const own = on === undefined
      ? value.unsaved(editing.collection, editing.id, editing.edit(Option.none()))
      : value.modify(value.own(on), (body) => editing.edit(Option.some(body)))
    const ownConflict = conflict<unknown, unknown, Document<unknown, unknown>>(
      "save",
      own,
      (over) => Effect.flatMap(encode(own), (raw) => put(own, raw, over, "save"))
    )(error as never)
    return Effect.fail(withAttempts(ownConflict, error.attempts))
  })

const settle = (member: Member, outcome: Outcome): void => {
  if (member.settled) return
  member.settled = true
  member.resume(outcome)
}

/**
 * The document without a failed edit, which may have changed part of it in place. `stored` are the members that the
 * successful edits store, if there are any.
 */
const withoutFailed = (
  doc: Document<unknown, unknown>,
  stored: Json.JsonObject | undefined
): Effect.Effect<Document<unknown, unknown>, never, unknown> =>
  stored === undefined ? Effect.succeed(value.discard(doc)) : Effect.flatMap(
    Effect.option(encode(doc)),
    (now) =>
      Option.exists(now, (now) => Json.equals(now, stored)) ? Effect.succeed(doc) : Effect.match(
        bodyIn(doc.collection, stored),
        // Other readers could not decode it either.
        { onFailure: () => doc, onSuccess: (body) => value.modify(doc, () => body) }
      )
  )

/** The stored document that the edits of a group start from, or why there is none. */
type Start = Either.Either<Document<unknown, unknown>, Failure>

const readStart = ({ collection, id }: Editing<unknown, unknown>) =>
  Effect.matchEffect(fetchBound(collection, id), {
    onSuccess: (doc): Effect.Effect<Start, Failure> => Effect.succeed(Either.right(doc)),
    onFailure: (error) => isAbsent(error) ? Effect.succeed(Either.left(asUpdate(error))) : Effect.fail(error)
  })

const runEdit = ({ editing }: Member, doc: Known) =>
  Effect.suspend(() => {
    const next = doc === undefined
      ? value.unsaved(editing.collection, editing.id, editing.edit(Option.none()))
      : value.modify(doc, (body) => editing.edit(Option.some(body)))
    return Effect.map(encode(next), (raw) => [next, raw] as const)
  })

/** Runs the edits one after another, and settles those that fail. Returns the result, and whose edits it contains. */
const runEdits = (group: ReadonlyArray<Member>, start: Start) =>
  Effect.gen(function*() {
    let doc: Known = Either.getOrUndefined(start)
    let stored: Json.JsonObject | undefined
    const applied: Array<Member> = []
    for (const member of group) {
      if (member.settled) continue
      if (doc === undefined && !member.editing.creates) {
        // The failure of the read.
        settle(member, start)
        continue
      }
      const last: Known = doc
      const edited = yield* Effect.exit(runEdit(member, last))
      if (Exit.isSuccess(edited)) {
        ;[doc, stored] = edited.value
        applied.push(member)
      } else {
        settle(member, Effect.failCause(edited.cause))
        if (last !== undefined) doc = yield* withoutFailed(last, stored)
      }
    }
    return { doc, applied }
  })

/**
 * Runs the edits of a group, in their order, with one read and one write. An edit that throws, cannot be stored, or was
 * interrupted is excluded, and the others continue without it.
 */
const combine = (
  group: ReadonlyArray<Member>,
  known: Known
): Effect.Effect<Known, never, CouchHttp> => {
  const [{ editing }] = group as readonly [Member]
  let first = known === undefined ? undefined : value.own(known)
  let on: Known
  const attempt: Effect.Effect<Known, Failure, CouchHttp> = Effect.gen(function*() {
    const handedOver = first
    on = first
    first = undefined
    const start: Start = on === undefined ? yield* readStart(editing) : Either.right(on)
    on = Either.getOrUndefined(start)
    const { applied, doc } = yield* runEdits(group, start)
    if (doc === undefined || applied.length === 0) return on
    const saved = yield* save(doc)
    // The handed-over document may be out of date, which only a write detects.
    if (handedOver !== undefined && sentNothing(handedOver, saved)) return yield* attempt
    // Each fiber may edit its body in place, so only the last one gets the saved body itself.
    applied.forEach((member, i) => settle(member, Effect.succeed(i === applied.length - 1 ? saved : value.own(saved))))
    return saved
  }) as Effect.Effect<Known, Failure, CouchHttp>

  return Effect.catchAllCause(
    retryConflicts(attempt, editing.options),
    (cause): Effect.Effect<Known, never, CouchHttp> => {
      const open = group.filter(({ settled }) => !settled)
      const error = cause._tag === "Fail" ? cause.error : undefined
      if (error !== undefined && mayBeCausedByOne(error) && group.length > 1) {
        return Effect.reduce(open, undefined as Known, (known, member) => combine([member], known))
      }
      for (const member of open) {
        settle(
          member,
          isConflict(error) && group.length > 1 ? conflictOfOne(member, on, error) : Effect.failCause(cause)
        )
      }
      return Effect.succeed(undefined)
    }
  )
}

/** The waiting edits of one document, and the group that runs. */
interface Queue {
  waiting: Array<Member>
  group: ReadonlyArray<Member>
  /** The fiber that runs the group. */
  fiber: Fiber.RuntimeFiber<Known> | undefined
}

/** Takes the first edits of the queue that can be combined, and drops interrupted ones. */
const takeGroup = (queue: Queue): ReadonlyArray<Member> => {
  const waiting = queue.waiting.filter(({ settled }) => !settled)
  const [first] = waiting
  let length = first === undefined ? 0 : 1
  while (first !== undefined && length < waiting.length && canCombine(first, waiting[length] as Member)) length++
  queue.group = waiting.slice(0, length)
  queue.waiting = waiting.slice(length)
  return queue.group
}

const processQueue = (queue: Queue): Effect.Effect<void> =>
  Effect.gen(function*() {
    // Edits that start at the same time are combined.
    yield* Effect.yieldNow()
    let known: Known
    let last: Member | undefined
    for (let group = takeGroup(queue); group.length > 0; group = takeGroup(queue)) {
      const [first] = group as readonly [Member]
      queue.fiber = yield* combine(group, last !== undefined && sameKind(last, first) ? known : undefined).pipe(
        Effect.locally(currentAuth, first.auth),
        Effect.provide(first.context as Context.Context<CouchHttp>),
        Effect.fork
      )
      const exit = yield* Fiber.await(queue.fiber)
      queue.fiber = undefined
      known = Exit.isSuccess(exit) ? exit.value : undefined
      last = first
    }
  })

/**
 * Combines edits of one document that arrive while another one runs. A fiber of the scope runs them, so that the
 * interruption of one caller does not affect the others.
 */
export const combined = <A, R>({ queues: all }: UpdateQueues, scope: Scope, editing: Editing<A, R>): Updated<A, R> =>
  Effect.withFiberRuntime((fiber) =>
    Effect.async((resume) => {
      const queues = all as Map<string, Queue>
      const name = nameOf(editing)
      const member: Member = {
        editing: editing as unknown as Editing<unknown, unknown>,
        collection: editing.collection,
        auth: fiber.getFiberRef(currentAuth),
        context: fiber.currentContext,
        resume: resume as Member["resume"],
        settled: false
      }
      const existing = queues.get(name)
      const queue: Queue = existing ?? { waiting: [], group: [], fiber: undefined }
      queue.waiting.push(member)
      const begin = (): void =>
        forkWithContextOf(fiber)(processQueue(queue), { scope }).addObserver((exit) => {
          // An edit may have arrived while the fiber ended.
          if (Exit.isSuccess(exit) && queue.waiting.some(({ settled }) => !settled)) return begin()
          queues.delete(name)
          if (Exit.isSuccess(exit)) return
          // The scope was closed.
          for (const member of [...queue.group, ...queue.waiting]) settle(member, Effect.failCause(exit.cause))
        })
      if (existing === undefined) {
        queues.set(name, queue)
        begin()
      }
      return Effect.suspend(() => {
        member.settled = true
        // A group without waiting fibers is interrupted, and the next group runs.
        return queue.fiber !== undefined && queue.group.every(({ settled }) => settled)
          ? Fiber.interruptFork(queue.fiber)
          : Effect.void
      })
    })
  )
