import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as DocumentId from "../data/DocumentId.js"
import type { InvalidIdError } from "../data/errors.js"
import type { JsonObject } from "../data/Json.js"
import { CouchHttp } from "../http/CouchHttp.js"
import type { NotFoundError, RequestError } from "../http/errors.js"
import { rawOf as baseRaw } from "./base.js"
import { decode } from "./codec.js"
import type { DeleteError, DeleteOptions, Document, Keep, Tombstone } from "./Document.js"
import type { ConflictError, CurrentRevision, EncodeError, UnsavedDocumentError } from "./errors.js"
import { UnsavedChangesError } from "./errors.js"
import { type Deleted, membersKept, ownVersion } from "./keep.js"
import { readRaw } from "./read.js"
import { prepareWrite } from "./recorder.js"
import * as value from "./value.js"
import { conflict } from "./write.js"

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
