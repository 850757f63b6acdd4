import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Option from "effect/Option"
import * as DocumentId from "../data/DocumentId.js"
import { documentPath, documentRoute } from "../data/path.js"
import type * as Revision from "../data/Revision.js"
import type { CouchRequest } from "../http/CouchHttp.js"
import { CouchHttp } from "../http/CouchHttp.js"
import { executeDecoded } from "../http/executeDecoded.js"
import { decodeWritten } from "../http/verification.js"
import { own } from "./base.js"
import type { Base, CopyError, Document, SaveError } from "./Document.js"
import { UnsavedChangesError, UnsavedDocumentError } from "./errors.js"
import { infoBound } from "./read.js"
import * as value from "./value.js"
import { conflict } from "./write.js"

interface Options {
  readonly overwrite?: boolean | undefined
}

/** Sends one COPY. The id in the header is escaped, so that it may contain `?` and characters outside ASCII. */
const send = <A, R>(
  self: Document<A, R>,
  base: Base<A>,
  newId: DocumentId.DocumentId,
  over: Option.Option<Revision.Revision>
): Effect.Effect<Document<A, R>, SaveError<A, R>, CouchHttp | R> => {
  const { database } = self.collection
  const copied = () => value.clean(self.collection, newId, "quorum", own(base))
  return Effect.gen(function*() {
    const id = yield* DocumentId.decode(self.id)
    const request: CouchRequest = {
      method: "COPY",
      path: `${documentPath(database, id)}?rev=${encodeURIComponent(base.rev)}`,
      route: documentRoute(id),
      database,
      id,
      headers: {
        destination: encodeURIComponent(newId) +
          Option.match(over, { onNone: () => "", onSome: (rev) => `?rev=${rev}` })
      }
    }
    const { durability, rev } = yield* executeDecoded(
      yield* CouchHttp,
      request,
      (response) => decodeWritten(newId, response)
    )
    return value.clean(self.collection, newId, durability, own(base, rev))
  }).pipe(
    Effect.catchTag("UpdateConflictError", (error) =>
      Effect.fail(
        conflict<A, R, Document<A, R>>("copy", copied(), (over) =>
          send(
            self,
            base,
            newId,
            Option.map(over, ({ rev }) => rev)
          ))(error)
      ))
  )
}

export const copy = dual<
  (
    newId: string,
    options?: Options
  ) => <A, R>(self: Document<A, R>) => Effect.Effect<Document<A, R>, CopyError<A, R>, CouchHttp | R>,
  <A, R>(
    self: Document<A, R>,
    newId: string,
    options?: Options
  ) => Effect.Effect<Document<A, R>, CopyError<A, R>, CouchHttp | R>
>(
  (args) => value.isDocument(args[0]),
  <A, R>(self: Document<A, R>, newId: string, options?: Options) =>
    Effect.gen(function*() {
      const { database } = self.collection
      const base = yield* Option.match(self.base, {
        onNone: () => Effect.fail(new UnsavedDocumentError({ operation: "copy", database, id: self.id })),
        onSome: Effect.succeed
      })
      if (value.isDirty(self)) {
        return yield* new UnsavedChangesError({ operation: "copy", database, id: self.id })
      }
      const target = yield* DocumentId.decode(newId)
      const over = options?.overwrite === true
        ? yield* infoBound(database, target).pipe(
          Effect.map(({ rev }) => Option.some(rev)),
          Effect.catchTag("NotFoundError", () => Effect.succeedNone)
        )
        : Option.none()
      return yield* send(self, base, target, over)
    })
)
