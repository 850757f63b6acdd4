import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { dual } from "effect/Function"
import * as Option from "effect/Option"
import * as DocumentId from "../data/DocumentId.js"
import type { InvalidIdError } from "../data/errors.js"
import * as Json from "../data/Json.js"
import { documentPath, documentRoute } from "../data/path.js"
import type { Collection } from "../document/Collection.js"
import { onCollection } from "../document/makeCollection.js"
import { pathOf, type Version } from "../http/bulk/bulkGetVersions.js"
import { conflictAsBadRequest } from "../http/conflictMapping.js"
import { CouchHttp, type CouchRequest } from "../http/CouchHttp.js"
import type { NotFoundError, RequestError } from "../http/errors.js"
import { executeDecoded } from "../http/executeDecoded.js"
import { readDocument } from "../http/rawDocument.js"
import * as Transport from "../http/Transport.js"
import { leafOf } from "../siblings/plan.js"
import { liveFirst } from "../siblings/structure.js"
import type { Siblings } from "./Conflict.js"

/** Parses the response exactly. Each leaf is parsed from its own text, as in a response of its own. */
const leavesIn = (text: string): Option.Option<ReadonlyArray<Version>> =>
  Option.flatMap(Either.getRight(Json.parse(text)), (rows) =>
    Json.isArray(rows)
      ? Option.all(
        rows.flatMap((row) => {
          const ok = Json.get(row, "ok")
          return ok === undefined
            ? []
            : [Option.map(readDocument(Json.stringify(ok)), (raw): Version => ({ raw, path: pathOf(raw) }))]
        })
      )
      : Option.none())

const isNonEmpty = (versions: Array<Version>): versions is [Version, ...Array<Version>] => versions.length > 0

type Result<A, R> = Effect.Effect<Siblings<A, R>, NotFoundError | InvalidIdError | RequestError, CouchHttp | R>

export const siblings = dual<
  <K>(id: K) => <A, I, R>(collection: Collection<A, I, R, K>) => Result<A, R>,
  <A, I, R, K>(collection: Collection<A, I, R, K>, id: K) => Result<A, R>
>(
  onCollection,
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
      const [winner, ...others] = yield* conflictAsBadRequest(executeDecoded(couch, request, (response) =>
        Either.fromOption(
          Option.filter(Option.map(leavesIn(Transport.text(response)), (all) => [...all].sort(liveFirst)), isNonEmpty),
          () => "the response is not a list of leaves"
        )))
      const leaf = ({ path, raw }: Version) =>
        leafOf(collection, raw, path)
      return { id, leaves: [yield* leaf(winner), ...(yield* Effect.forEach(others, leaf))] }
    })
)
