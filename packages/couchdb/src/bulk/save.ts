import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as DatabaseName from "../data/DatabaseName.js"
import * as DocumentId from "../data/DocumentId.js"
import type * as Json from "../data/Json.js"
import { baseStateOf, isStored, mayBeDirty, recordBody, stored as baseOf } from "../document/base.js"
import { encode } from "../document/codec.js"
import type { Document, Keep, Tombstone } from "../document/Document.js"
import { type EncodeError, UnsavedChangesError } from "../document/errors.js"
import { membersKept, ownVersion } from "../document/keep.js"
import { prepareWrite } from "../document/recorder.js"
import { rawOf, removeKeeping, removeOver } from "../document/remove.js"
import * as value from "../document/value.js"
import { conflict, put } from "../document/write.js"
import { type BulkContext, type Row, textOf, writeAll, type WriteError } from "../http/bulk/writeAll.js"
import { CouchHttp, type WriteDocument, type Written } from "../http/CouchHttp.js"
import { defaultRetry, retryTransient } from "../http/retry.js"
import { writeStateOf } from "../http/serviceState.js"
import type { DeleteError, DeleteOptions, Options, SaveError } from "./Bulk.js"
import { type Item, sendAll, sizeOf } from "./pipeline.js"

interface Payload<Out, E> extends Row {
  readonly settle: (written: Either.Either<Written, WriteError>) => Either.Either<Out, E>
}

type Prepared<Out, E> = Item<Payload<Out, E>, Out, E>

const known = <Out, E>(result: Either.Either<Out, E>): Prepared<Out, E> => ({ _tag: "Known", result })

const sent = <Out, E>(
  write: WriteDocument,
  settle: Payload<Out, E>["settle"]
): Prepared<Out, E> => {
  const text = textOf(write)
  return {
    _tag: "Sent",
    group: write.database,
    id: write.id,
    bytes: sizeOf(text),
    payload: { write, text, settle }
  }
}

/** The document to send, or its result if there is nothing to send. */
const toSave = <A, R>(
  self: Document<A, R>
): Effect.Effect<Prepared<Document<A, R>, SaveError<A, R>>, never, CouchHttp | R> => {
  const state = baseStateOf(self)
  if (!mayBeDirty(self, state)) return Effect.succeed(known(Either.right(self)))
  return Effect.matchEffect(Effect.zip(DocumentId.decode(self.id), encode(self, state)), {
    onFailure: (error) => Effect.succeed(known(Either.left(error))),
    onSuccess: ([id, raw]) => {
      if (isStored(self, raw)) return Effect.succeed(known(Either.right(value.asStored(self))))
      const taken = recordBody(self.collection, self.body)
      const saved = ({ durability, rev }: Written, raw: Json.JsonObject, stubs: Option.Option<Json.JsonObject>) =>
        value.clean(self.collection, self.id, durability, baseOf(taken, rev, { raw, stubs }))
      return Effect.matchEffect(
        prepareWrite(self.collection, { id, raw, over: self.base, base: self.base, kind: "edit" }),
        {
          onFailure: (error) => Effect.succeed(known<Document<A, R>, SaveError<A, R>>(Either.left(error))),
          onSuccess: (
            { body, over, recreate, stubs }
          ): Effect.Effect<Prepared<Document<A, R>, SaveError<A, R>>, never, CouchHttp> =>
            recreate !== undefined
              ? Effect.map(
                Effect.either(recreate),
                (written) => known(Either.map(written, (written) => saved(written, body, stubs)))
              )
              : Effect.succeed(sent(
                {
                  database: self.collection.database,
                  id,
                  parent: Option.map(over, ({ rev }) => rev),
                  body,
                  attachments: stubs,
                  deleted: false
                },
                Either.mapBoth({
                  onLeft: (error): SaveError<A, R> =>
                    error._tag === "UpdateConflictError"
                      ? conflict<A, R, Document<A, R>>("save", self, (over) => put(self, raw, over, "save", taken))(
                        error
                      )
                      : error,
                  onRight: (written) => saved(written, body, stubs)
                })
              ))
        }
      )
    }
  })
}

type Deletion<A, R> = Prepared<Tombstone<A, R>, DeleteError<A, R> | EncodeError>

/** The id of a document that can be deleted, and the members that its tombstone keeps. */
const deletable = <A, R>(self: Document<A, R>, keep: Keep<A> | undefined) =>
  Effect.gen(function*() {
    const id = yield* DocumentId.decode(self.id)
    yield* value.requireRevision(self, "delete")
    if (value.isDirty(self)) {
      return yield* new UnsavedChangesError({ operation: "delete", database: self.collection.database, id })
    }
    return { id, remains: keep === undefined ? undefined : yield* membersKept(self, keep, ownVersion(self)) }
  })

const toDelete =
  <A>(keep: Keep<A> | undefined) => <R>(self: Document<A, R>): Effect.Effect<Deletion<A, R>, never, CouchHttp> =>
    Effect.matchEffect(
      deletable(self, keep),
      {
        onFailure: (error): Effect.Effect<Deletion<A, R>> => Effect.succeed(known(Either.left(error))),
        onSuccess: ({ id, remains }) =>
          Effect.match(
            prepareWrite(self.collection, {
              id,
              raw: rawOf(self),
              over: self.base,
              base: self.base,
              kind: "delete",
              remains
            }),
            {
              onFailure: (error): Deletion<A, R> => known(Either.left(error)),
              onSuccess: ({ body, over, stubs }): Deletion<A, R> =>
                sent(
                  {
                    database: self.collection.database,
                    id,
                    parent: Option.map(over, ({ rev }) => rev),
                    body,
                    attachments: stubs,
                    deleted: true
                  },
                  Either.mapBoth({
                    onLeft: (error): DeleteError<A, R> =>
                      error._tag === "UpdateConflictError"
                        ? conflict<A, R, Tombstone<A, R>>("delete", self, (over) =>
                          keep === undefined ? removeOver(self, over) : removeKeeping(self, over, keep))(error)
                        : error,
                    onRight: ({ durability, rev }) =>
                      value.tombstone({ collection: self.collection, id: self.id, rev, durability })
                  })
                )
            }
          )
      }
    )

/** Retries transient errors, except after a `Retry-After` of more than a minute. */
const scheduleOf = (options: Options): BulkContext["schedule"] =>
  retryTransient(options.retry ?? defaultRetry, Duration.minutes(1))

const write = <A, R, Out, E, E2, R2>(
  documents: Stream.Stream<Document<A, R>, E2, R2>,
  options: Options,
  prepare: (self: Document<A, R>) => Effect.Effect<Prepared<Out, E>, never, CouchHttp | R>
): Stream.Stream<Either.Either<Out, E>, E2, CouchHttp | R | R2> =>
  Stream.unwrap(Effect.map(CouchHttp, (couch) => {
    const context: BulkContext = { schedule: scheduleOf(options), state: writeStateOf(couch) }
    return sendAll<Payload<Out, E>, Out, E, E2, CouchHttp | R | R2, never>(
      Stream.mapChunksEffect(documents, (chunk) => Effect.map(Effect.forEach(chunk, prepare), Chunk.unsafeFromArray)),
      options,
      (database, payloads) =>
        Effect.map(
          writeAll(DatabaseName.make(database), payloads, context),
          (outcomes) => payloads.map(({ settle }, i) => settle(outcomes[i] as Either.Either<Written, WriteError>))
        )
    )
  }))

export const saveStream = <A, R, E2, R2>(documents: Stream.Stream<Document<A, R>, E2, R2>, options: Options) =>
  write(documents, options, toSave)

export const deleteStream = <A, R, E2, R2>(
  documents: Stream.Stream<Document<A, R>, E2, R2>,
  options: DeleteOptions<A>
) => write(documents, options, toDelete(options.keep))
