import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Collection } from "../document/Collection.js"
import * as Document from "../document/Document.js"
import type { ReadError } from "../document/errors.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import type { Change } from "./Changes.js"

export const documentOf = <A, I, R, K, D>(
  collection: Collection<A, I, R, K>,
  change: Change<D>
): Effect.Effect<Option.Option<Document.Document<A, R>>, ReadError, CouchHttp | R> => {
  if (change._tag === "Deleted") return Effect.succeedNone
  const inFeed = Option.filter(
    change.document as Option.Option<unknown>,
    // A document of another collection is read again, because its schema is another one.
    (document): document is Document.Document<A, R> =>
      Document.isDocument(document) && document.collection === (collection as unknown)
  )
  if (Option.isSome(inFeed)) return Effect.succeed(inFeed)
  return Option.match(collection.id.decode(change.id), {
    onNone: () => Effect.succeedNone,
    onSome: (id) => Document.fetchOption(collection, id)
  })
}
