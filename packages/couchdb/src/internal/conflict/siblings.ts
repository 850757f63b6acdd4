import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { dual } from "effect/Function"
import * as Option from "effect/Option"
import * as Order from "effect/Order"
import type { Collection } from "../../Collection.js"
import { isCollection } from "../../Collection.js"
import type { Leaf, Path, Siblings } from "../../Conflict.js"
import type { InvalidIdError, NotFoundError, RequestError } from "../../CouchError.js"
import { CouchHttp, type CouchRequest } from "../../CouchHttp.js"
import * as DocumentId from "../../DocumentId.js"
import * as Json from "../../Json.js"
import * as Revision from "../../Revision.js"
import * as Transport from "../../Transport.js"
import { decode } from "../document/codec.js"
import { type RawDocument, readDocument } from "../document/raw.js"
import * as value from "../document/value.js"
import { documentPath, documentRoute } from "../documentPath.js"
import { notCouch } from "../notCouch.js"
import { unconflicted } from "../unconflicted.js"
import { member } from "../written.js"

/** The answer is read exactly, and each leaf from its own text, as if it had come alone. */
const rawLeaves = (text: string): Option.Option<ReadonlyArray<RawDocument>> =>
  Option.flatMap(Either.getRight(Json.parse(text)), (rows) =>
    Json.isArray(rows)
      ? Option.all(
        rows.flatMap((row) => {
          const ok = member(row, "ok")
          return ok === undefined ? [] : [readDocument(Json.stringify(ok))]
        })
      )
      : Option.none())

const pathOf = (leaf: RawDocument): Path => {
  const revisions = leaf.special("_revisions")
  const start = member(revisions, "start")
  const ids = member(revisions, "ids")
  const older = typeof start === "number" && Json.isArray(ids)
    ? ids.slice(1).flatMap((hash, i) => {
      const rev = `${start - 1 - i}-${String(hash)}`
      return Revision.isRevision(rev) ? [rev] : []
    })
    : []
  return [leaf.rev, ...older]
}

/** Any live leaf stands above any deleted one, then the greater revision wins. */
const winnersFirst: Order.Order<RawDocument> = Order.reverse(Order.combine(
  Order.mapInput(Order.boolean, (leaf: RawDocument) => !leaf.deleted),
  Order.mapInput(Revision.Order, (leaf: RawDocument) => leaf.rev)
))

const read = <A, I, R, K>(
  collection: Collection<A, I, R, K>,
  id: string,
  leaf: RawDocument
): Effect.Effect<Leaf<A, R>, never, R> => {
  const path = pathOf(leaf)
  return leaf.deleted
    ? Effect.succeed({ _tag: "Deleted", path })
    : Effect.match(decode(collection, leaf), {
      onFailure: (error) => ({ _tag: "Unreadable", path, error }),
      onSuccess: (base) => ({ _tag: "Live", path, document: value.clean(collection, id, "quorum", base) })
    })
}

type Result<A, R> = Effect.Effect<Siblings<A, R>, NotFoundError | InvalidIdError | RequestError, CouchHttp | R>

export const siblings = dual<
  <K>(id: K) => <A, I, R>(collection: Collection<A, I, R, K>) => Result<A, R>,
  <A, I, R, K>(collection: Collection<A, I, R, K>, id: K) => Result<A, R>
>(
  (args) => isCollection(args[0]),
  <A, I, R, K>(collection: Collection<A, I, R, K>, key: K): Result<A, R> =>
    Effect.gen(function*() {
      const id = yield* DocumentId.decode(collection.id.encode(key))
      const request: CouchRequest = {
        method: "GET",
        path: `${documentPath(collection.database, id)}?open_revs=all&revs=true`,
        route: documentRoute(id),
        database: collection.database,
        id
      }
      const couch = yield* CouchHttp
      const response = yield* unconflicted(couch.execute(request))
      const found = Option.map(rawLeaves(Transport.text(response)), (all) => [...all].sort(winnersFirst))
      const leaves = yield* Effect.forEach(Option.getOrElse(found, () => []), (leaf) => read(collection, id, leaf))
      const [first, ...rest] = leaves
      if (first === undefined) {
        return yield* Effect.fail(notCouch(request, response.status, "the answer is not a list of leaves"))
      }
      return { id, leaves: [first, ...rest] }
    })
)
