import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Option from "effect/Option"
import * as DocumentId from "../data/DocumentId.js"
import type { JsonObject } from "../data/Json.js"
import { CouchHttp, type Written } from "../http/CouchHttp.js"
import type { UpdateConflictError } from "../http/errors.js"
import { errorResponseOf } from "../http/responseError.js"
import { baseStateOf, isStored, mayBeDirty, recordBody, type RecordedBody, stored } from "./base.js"
import { encode } from "./codec.js"
import type { Collection } from "./Collection.js"
import type { Document, SaveError, Takes } from "./Document.js"
import type { ConflictingOperation, CurrentRevision } from "./errors.js"
import { ConflictError } from "./errors.js"
import { onCollection } from "./makeCollection.js"
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
