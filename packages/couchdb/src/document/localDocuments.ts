import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { InvalidIdError } from "../data/errors.js"
import * as Json from "../data/Json.js"
import { documentPath, segmentProblem } from "../data/path.js"
import { conflictAsBadRequest } from "../http/conflictMapping.js"
import { CouchHttp, type CouchRequest } from "../http/CouchHttp.js"
import { type NotFoundError, type RequestError, type UnexpectedResponseError } from "../http/errors.js"
import { readDocument } from "../http/rawDocument.js"
import { unexpectedResponse } from "../http/responseError.js"
import { serverOf } from "../http/server.js"
import * as Transport from "../http/Transport.js"
import { jsonOf } from "../http/verification.js"
import { type Verify, verifyDocument, verifyWritten } from "../http/verification.js"
import { decode, encode } from "./codec.js"
import type { Collection } from "./Collection.js"
import { type DecodeError } from "./errors.js"
import type { LocalDocument } from "./LocalDocument.js"
import * as value from "./value.js"

const prefix = "_local/"

/** Sends a request to a local document. CouchDB never responds with 409. */
const send = <A, I, R, K>(
  collection: Collection<A, I, R, K>,
  key: K,
  request: Pick<CouchRequest, "method" | "body" | "idempotent">,
  verify: (id: string) => Verify
): Effect.Effect<
  {
    readonly id: string
    readonly response: Transport.BufferedResponse
    readonly refuse: (reason: string) => UnexpectedResponseError
  },
  NotFoundError | InvalidIdError | RequestError,
  CouchHttp
> => {
  const id = collection.id.encode(key)
  const problem = segmentProblem(id)
  if (problem !== undefined) return Effect.fail(new InvalidIdError({ kind: "local document", value: id, problem }))
  const fullRequest: CouchRequest = {
    ...request,
    path: `${documentPath(collection.database)}/${prefix}${encodeURIComponent(id)}`,
    route: "/{db}/_local/{docid}",
    database: collection.database,
    id: prefix + id,
    verify: verify(prefix + id)
  }
  return CouchHttp.pipe(
    Effect.flatMap((couch) =>
      Effect.map(conflictAsBadRequest(couch.execute(fullRequest)), (response) => ({
        id,
        response,
        refuse: (reason: string) => unexpectedResponse(fullRequest, { ...response, ...serverOf(couch) }, reason)
      }))
    )
  )
}

export const fetch = <A, I, R, K>(collection: Collection<A, I, R, K>, key: K) =>
  Effect.flatMap(
    send(collection, key, { method: "GET" }, verifyDocument),
    ({ id, refuse, response }) =>
      Option.match(readDocument(Transport.text(response)), {
        onNone: (): Effect.Effect<LocalDocument<A>, DecodeError | UnexpectedResponseError, R> =>
          Effect.fail(refuse("the response is not a document")),
        onSome: (raw): Effect.Effect<LocalDocument<A>, DecodeError | UnexpectedResponseError, R> =>
          Effect.map(decode(collection, raw), ({ body, rev }): LocalDocument<A> => ({ id, rev, body }))
      })
  )

export const save = <A, I, R, K>(collection: Collection<A, I, R, K>, key: K, body: A) =>
  Effect.flatMap(encode(value.make(collection, key, body)), (json) =>
    Effect.flatMap(
      // The write is idempotent, since local documents have no conflict detection.
      send(collection, key, { method: "PUT", body: Json.stringify(json), idempotent: true }, verifyWritten),
      ({ id, refuse, response }) => {
        const rev = Json.get(jsonOf(response), "rev")
        return typeof rev === "string"
          ? Effect.succeed<LocalDocument<A>>({ id, rev, body })
          : Effect.fail(refuse("the response contains no revision"))
      }
    ))

export const remove = <A, I, R, K>(collection: Collection<A, I, R, K>, key: K) =>
  Effect.asVoid(send(collection, key, { method: "DELETE" }, verifyWritten))
