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
import { untilSettled } from "./attempt.js"
import { type Editing, isUnasked, type Kind, nameOf, sameKind, type Updated } from "./edit.js"

type Failure = FetchError | SaveError<unknown, unknown>
type Answer = Effect.Effect<Document<unknown, unknown>, Failure>

/** An edit that waits for its turn, and what to tell whoever made it. */
interface Member extends Kind {
  readonly editing: Editing<unknown, unknown>
  readonly context: Context.Context<never>
  readonly resume: (answer: Answer) => void
  /** Answered, or waits no longer. */
  over: boolean
}

type Known = Document<unknown, unknown> | undefined

/** With lineage each edit is a record of its own. */
const staysApart = ({ collection }: Editing<unknown, unknown>): boolean =>
  "lineage" in collection && collection.lineage !== undefined

const couchOf = ({ context }: Member) => Context.unsafeGet(context, CouchHttp)

const fit = (self: Member, that: Member): boolean =>
  sameKind(self, that) && couchOf(self) === couchOf(that) &&
  self.editing.options?.schedule === that.editing.options?.schedule &&
  !staysApart(self.editing)

const absent = (error: Failure): boolean =>
  error._tag === "NotFoundError" && (error.reason === "missing" || error.reason === "deleted")

/** Whether the failure may be one edit's fault alone: whatever the server refused for what is in the document. */
const mayBeOnes = ({ _tag }: Failure): boolean =>
  _tag === "ForbiddenError" || _tag === "PayloadTooLargeError" || _tag === "BadRequestError" ||
  _tag === "PreconditionFailedError"

/** The conflict of the whole, as it would be of one edit alone: whoever settles it must not settle the others' too. */
const onesOwn = ({ editing }: Member, on: Known, error: AnyConflict): Answer =>
  Effect.suspend(() => {
    const own = on === undefined
      ? value.unsaved(editing.collection, editing.id, editing.edit(Option.none()))
      : value.modify(value.own(on), (body) => editing.edit(Option.some(body)))
    const told = conflict<unknown, unknown, Document<unknown, unknown>>(
      "save",
      own,
      (over) => Effect.flatMap(encode(own), (raw) => put(own, raw, over, "save"))
    )(error as never)
    return Effect.fail(withAttempts(told, error.attempts))
  })

const settle = (member: Member, answer: Answer): void => {
  if (member.over) return
  member.over = true
  member.resume(answer)
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
        // No other reader could decode it either.
        { onFailure: () => doc, onSuccess: (body) => value.modify(doc, () => body) }
      )
  )

/**
 * The edits of a group, in their order, over one read and one write. One that throws, that cannot be stored, or that
 * nobody waits for is left out alone; the others go on without it.
 */
const together = (
  group: ReadonlyArray<Member>,
  known: Known
): Effect.Effect<Known, never, CouchHttp> => {
  const [{ editing: { collection, id, options } }] = group as readonly [Member]
  let first = known === undefined ? undefined : value.own(known)
  let on: Known
  const attempt: Effect.Effect<Known, Failure, CouchHttp> = Effect.gen(function*() {
    let missing: Failure | undefined
    const handed = first
    on = first
    first = undefined
    if (on === undefined) {
      const read: Either.Either<Document<unknown, unknown>, FetchError> = yield* Effect.either(
        fetchBound(collection, id)
      )
      if (Either.isRight(read)) on = read.right
      else if (absent(read.left)) missing = asUpdate(read.left)
      else return yield* Effect.fail(read.left)
    }
    let doc = on
    let stored: Json.JsonObject | undefined
    const made: Array<Member> = []
    for (const member of group) {
      if (member.over) continue
      if (doc === undefined && !member.editing.creates) {
        settle(member, Effect.fail(missing as Failure))
        continue
      }
      const last = doc
      const edited = yield* Effect.exit(Effect.suspend(() => {
        const next = last === undefined
          ? value.unsaved(collection, id, member.editing.edit(Option.none()))
          : value.modify(last, (body) => member.editing.edit(Option.some(body)))
        return Effect.map(encode(next), (raw) => [next, raw] as const)
      }))
      if (Exit.isSuccess(edited)) {
        ;[doc, stored] = edited.value
        made.push(member)
      } else {
        settle(member, Effect.failCause(edited.cause))
        if (last !== undefined) doc = yield* withoutFailed(last, stored)
      }
    }
    if (doc === undefined || made.length === 0) return on
    const saved = yield* save(doc)
    // What was handed on may be old by now, which only a write finds out.
    if (handed !== undefined && isUnasked(handed, saved)) return yield* attempt
    // Each may edit what it gets in place. The body is that of the last.
    made.forEach((member, i) => settle(member, Effect.succeed(i === made.length - 1 ? saved : value.own(saved))))
    return saved
  }) as Effect.Effect<Known, Failure, CouchHttp>

  return Effect.catchAllCause(untilSettled(attempt, options), (cause): Effect.Effect<Known, never, CouchHttp> => {
    const open = group.filter(({ over }) => !over)
    const error = cause._tag === "Fail" ? cause.error : undefined
    if (error !== undefined && mayBeOnes(error) && group.length > 1) {
      return Effect.reduce(open, undefined as Known, (known, member) => together([member], known))
    }
    for (const member of open) {
      settle(member, isConflict(error) && group.length > 1 ? onesOwn(member, on, error) : Effect.failCause(cause))
    }
    return Effect.succeed(undefined)
  })
}

/** Those who wait for an edit of one document, and those for whom one is made. */
interface Queue {
  waiting: Array<Member>
  group: ReadonlyArray<Member>
  /** What is done for the group. */
  fiber: Fiber.RuntimeFiber<Known> | undefined
}

/** Those at the head of the queue who can go together; who left in the meantime is forgotten. */
const take = (queue: Queue): ReadonlyArray<Member> => {
  const waiting = queue.waiting.filter(({ over }) => !over)
  const [first] = waiting
  let length = first === undefined ? 0 : 1
  while (first !== undefined && length < waiting.length && fit(first, waiting[length] as Member)) length++
  queue.group = waiting.slice(0, length)
  queue.waiting = waiting.slice(length)
  return queue.group
}

const work = (queue: Queue): Effect.Effect<void> =>
  Effect.gen(function*() {
    // Whoever edits in the same breath goes along.
    yield* Effect.yieldNow()
    let known: Known
    let last: Member | undefined
    for (let group = take(queue); group.length > 0; group = take(queue)) {
      const [first] = group as readonly [Member]
      queue.fiber = yield* together(group, last !== undefined && sameKind(last, first) ? known : undefined).pipe(
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
 * Edits of one document that come while another is under way are made together. A fiber of the scope does it, so that
 * nobody's interruption stops the others.
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
        over: false
      }
      const known = queues.get(name)
      const queue: Queue = known ?? { waiting: [], group: [], fiber: undefined }
      queue.waiting.push(member)
      const begin = (): void =>
        forkWithContextOf(fiber)(work(queue), { scope }).addObserver((exit) => {
          // Somebody may have come while the fiber was on its way out.
          if (Exit.isSuccess(exit) && queue.waiting.some(({ over }) => !over)) return begin()
          queues.delete(name)
          if (Exit.isSuccess(exit)) return
          // The layer came to its end.
          for (const member of [...queue.group, ...queue.waiting]) settle(member, Effect.failCause(exit.cause))
        })
      if (known === undefined) {
        queues.set(name, queue)
        begin()
      }
      return Effect.suspend(() => {
        member.over = true
        // What nobody waits for is given up, and the next have their turn.
        return queue.fiber !== undefined && queue.group.every(({ over }) => over)
          ? Fiber.interruptFork(queue.fiber)
          : Effect.void
      })
    })
  )
