import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Option from "effect/Option"
import * as DocumentId from "../data/DocumentId.js"
import type { InvalidIdError } from "../data/errors.js"
import type { JsonObject } from "../data/Json.js"
import { CouchHttp, type Written } from "../http/CouchHttp.js"
import type { NotFoundError, RequestError, UpdateConflictError } from "../http/errors.js"
import { errorResponseOf } from "../http/responseError.js"
import { baseStateOf, isStored, mayBeDirty, rawOf as baseRaw, recordBody, type RecordedBody, stored } from "./base.js"
import { decode, encode } from "./codec.js"
import type { Collection } from "./Collection.js"
import type { DeleteError, DeleteOptions, Document, Keep, SaveError, Takes, Tombstone } from "./Document.js"
import type { ConflictingOperation, CurrentRevision, EncodeError, UnsavedDocumentError } from "./errors.js"
import { ConflictError, UnsavedChangesError } from "./errors.js"
import { type Deleted, membersKept, ownVersion } from "./keep.js"
import { onCollection } from "./makeCollection.js"
import { readRaw } from "./read.js"
import type { Recorded } from "./recorder.js"
import { prepareWrite, withoutLineage } from "./recorder.js"
import * as value from "./value.js"

/** Converts a 409 of the wire to the conflict of a document, with the way to repeat the operation. */
export const conflict = <A, R, Done>(
  operation: ConflictingOperation,
  attempted: Document<A, R>,
  repeat: ConflictError<A, R, Done>["repeat"]
) =>
(error: UpdateConflictError): ConflictError<A, R, Done> =>
  new ConflictError<A, R, Done>({
    ...errorResponseOf(error),
    operation,
    database: attempted.collection.database,
    id: attempted.id,
    attempts: 1
  }, { attempted, repeat })

/**
 * Stores the members on top of the current revision; `None` creates the document. The stubs are those of the extended
 * revision, since the server has no others. `recorded` is the body of these members.
 */
export const put = <A, R>(
  self: Document<A, R>,
  raw: JsonObject,
  over: Option.Option<CurrentRevision>,
  operation: "save" | "create",
  recorded: RecordedBody<A> = recordBody(self.collection, self.body)
): Effect.Effect<Document<A, R>, SaveError<A, R>, CouchHttp | R> =>
  Effect.flatMap(DocumentId.decode(self.id), (id) =>
    self.collection.lineage === undefined
      ? store(self, id, raw, withoutLineage({ kind: "edit", raw, over }), operation, recorded)
      : Effect.flatMap(
        prepareWrite(self.collection, { id, raw, over, base: self.base, kind: "edit" }),
        (stored) => store(self, id, raw, stored, operation, recorded)
      ))

const store = <A, R>(
  self: Document<A, R>,
  id: DocumentId.DocumentId,
  raw: JsonObject,
  { body, over, recreate, stubs }: Recorded,
  operation: "save" | "create",
  recorded: RecordedBody<A>
): Effect.Effect<Document<A, R>, SaveError<A, R>, CouchHttp | R> =>
  CouchHttp.pipe(
    Effect.flatMap((couch) =>
      recreate ?? couch.writeDocument({
        database: self.collection.database,
        id,
        parent: Option.map(over, ({ rev }) => rev),
        body,
        attachments: stubs,
        deleted: false
      })
    ),
    Effect.map(({ durability, rev }: Written) =>
      value.clean(self.collection, self.id, durability, stored(recorded, rev, { raw: body, stubs }))
    ),
    Effect.catchTag(
      "UpdateConflictError",
      (error) =>
        Effect.fail(
          conflict<A, R, Document<A, R>>(operation, self, (over) => put(self, raw, over, operation, recorded))(error)
        )
    )
  )

export const save = <A, R>(self: Document<A, R>): Effect.Effect<Document<A, R>, SaveError<A, R>, CouchHttp | R> => {
  const state = baseStateOf(self)
  return mayBeDirty(self, state)
    ? Effect.flatMap(
      encode(self, state),
      (raw) => isStored(self, raw) ? Effect.succeed(value.asStored(self)) : put(self, raw, self.base, "save")
    )
    : Effect.succeed(self)
}

export const create = dual<
  <K, const B>(
    id: K,
    body: B
  ) => <A, I, R>(
    collection: Collection<A, I, R, K> & Takes<B, A>
  ) => Effect.Effect<Document<A, R>, SaveError<A, R>, CouchHttp | R>,
  <A, I, R, K>(
    collection: Collection<A, I, R, K>,
    id: K,
    body: A
  ) => Effect.Effect<Document<A, R>, SaveError<A, R>, CouchHttp | R>
>(onCollection, (collection, id, body) => {
  const self = value.make(collection, id, body)
  return Effect.flatMap(encode(self), (raw) => put(self, raw, Option.none(), "create"))
})

/** The errors of a delete after the local checks. */
export type RemoveError<A, R> = ConflictError<A, R, Tombstone<A, R>> | NotFoundError | InvalidIdError | RequestError

export const rawOf = <A, R>(self: Document<A, R>): JsonObject =>
  Option.match(self.base, { onNone: () => ({}), onSome: baseRaw })

type Removal<A, R> = Effect.Effect<Tombstone<A, R>, RemoveError<A, R>, CouchHttp | R>

/** The result of a delete that keeps members. */
type Keeping<A, R> = Effect.Effect<Tombstone<A, R>, RemoveError<A, R> | EncodeError, CouchHttp | R>

/** Deletes on top of the current revision. `remains` are the members of the tombstone. */
const removeWithMembers = <A, R>(
  self: Document<A, R>,
  over: Option.Option<CurrentRevision>,
  remains: JsonObject | undefined,
  repeat: (over: Option.Option<CurrentRevision>) => Keeping<A, R>
): Removal<A, R> =>
  Effect.flatMap(
    DocumentId.decode(self.id),
    (id) =>
      prepareWrite(self.collection, { id, raw: rawOf(self), over, base: self.base, kind: "delete", remains }).pipe(
        Effect.flatMap((stored) =>
          Effect.flatMap(CouchHttp, (couch) =>
            couch.writeDocument({
              database: self.collection.database,
              id,
              parent: Option.map(stored.over, ({ rev }) => rev),
              body: stored.body,
              attachments: stored.stubs,
              deleted: true
            }))
        ),
        Effect.map(({ durability, rev }) =>
          value.tombstone({ collection: self.collection, id: self.id, rev, durability })
        ),
        Effect.catchTag("UpdateConflictError", (error) => {
          const refused = Effect.fail(conflict<A, R, Tombstone<A, R>>("delete", self, repeat)(error))
          // CouchDB reports a deleted document for a DELETE, but a conflict for a PUT.
          return remains === undefined ? refused : Effect.zipRight(failIfAbsent(self), refused)
        })
      )
  )

/** Fails if the document does not exist. Other errors of the read are ignored. */
const failIfAbsent = <A, R>(self: Document<A, R>): Effect.Effect<void, NotFoundError, CouchHttp> =>
  Effect.catchAll(
    Effect.asVoid(readRaw(self.collection.database, self.id, "")),
    (error) => error._tag === "NotFoundError" ? Effect.fail(error) : Effect.void
  )

/** Deletes on top of the current revision. The tombstone keeps no members. */
export const removeOver = <A, R>(self: Document<A, R>, over: Option.Option<CurrentRevision>): Removal<A, R> =>
  removeWithMembers(self, over, undefined, (over) => removeOver(self, over))

/** The version to delete: that of the document value, unless another client has written a newer one. */
const deletedVersion = <A, R>(
  self: Document<A, R>,
  over: CurrentRevision
): Effect.Effect<Deleted<A>, never, CouchHttp | R> => {
  const own = ownVersion(self)
  return Option.exists(self.base, ({ rev }) => rev === over.rev)
    ? Effect.succeed(own)
    : readRaw(self.collection.database, self.id, `?rev=${encodeURIComponent(over.rev)}`).pipe(
      Effect.flatMap((theirs) =>
        Effect.match(decode(self.collection, theirs), {
          onFailure: (): Deleted<A> => ({ raw: theirs.raw, base: own.base }),
          onSuccess: (base): Deleted<A> => ({ raw: theirs.raw, base: Option.some(base) })
        })
      ),
      Effect.orElseSucceed(() => own)
    )
}

/** Deletes on top of the current revision. The tombstone keeps members of it. */
export const removeKeeping = <A, R>(
  self: Document<A, R>,
  over: Option.Option<CurrentRevision>,
  keep: Keep<A>
): Keeping<A, R> => {
  const repeat = (over: Option.Option<CurrentRevision>) => removeKeeping(self, over, keep)
  return Option.match(over, {
    // A deleted document does not get another tombstone.
    onNone: () => removeWithMembers(self, over, undefined, repeat),
    onSome: (current) =>
      Effect.flatMap(
        Effect.flatMap(deletedVersion(self, current), (version) => membersKept(self, keep, version)),
        (remains) => removeWithMembers(self, over, remains, repeat)
      )
  })
}

const checkDeletable = <A, R>(
  self: Document<A, R>
): Effect.Effect<void, UnsavedDocumentError | UnsavedChangesError> =>
  Effect.flatMap(
    value.requireRevision(self, "delete"),
    () =>
      value.isDirty(self)
        ? Effect.fail(
          new UnsavedChangesError({ operation: "delete", database: self.collection.database, id: self.id })
        )
        : Effect.void
  )

export const remove = <A, R>(
  self: Document<A, R>
): Effect.Effect<Tombstone<A, R>, DeleteError<A, R>, CouchHttp | R> =>
  Effect.flatMap(checkDeletable(self), () => removeOver(self, self.base))

/** Deletes a document. The tombstone keeps the members that the options select. */
export const removeWith = <A, R>(
  self: Document<A, R>,
  { keep }: DeleteOptions<A>
): Effect.Effect<Tombstone<A, R>, DeleteError<A, R> | EncodeError, CouchHttp | R> =>
  Effect.flatMap(
    checkDeletable(self),
    () => keep === undefined ? removeOver(self, self.base) : removeKeeping(self, self.base, keep)
  )
