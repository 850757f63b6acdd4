import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as DatabaseName from "../data/DatabaseName.js"
import { type InvalidIdError } from "../data/errors.js"
import { quote } from "../data/text.js"
import * as Collection from "../document/Collection.js"
import { type DecodeError, type EncodeError } from "../document/errors.js"
import * as LocalDocument from "../document/LocalDocument.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import { type NotFoundError, type RequestError, UnexpectedResponseError } from "../http/errors.js"
import type { Checkpoint } from "./Changes.js"
import { isGone } from "./retry.js"

export const inMemory: Effect.Effect<Checkpoint> = Effect.map(
  Ref.make(Option.none<string>()),
  (ref): Checkpoint => ({
    read: Ref.get(ref),
    write: (sequence) => Ref.set(ref, Option.some(sequence))
  })
)

export const inKeyValueStore = (key: string): Checkpoint<KeyValueStoreError, KeyValueStore.KeyValueStore> => ({
  read: Effect.flatMap(KeyValueStore.KeyValueStore, (store) => store.get(key)),
  write: (sequence) => Effect.flatMap(KeyValueStore.KeyValueStore, (store) => store.set(key, sequence))
})

type KeyValueStoreError = Effect.Effect.Error<ReturnType<KeyValueStore.KeyValueStore["get"]>>

const Since = Schema.Struct({ since: Schema.String })

type LocalError = NotFoundError | DecodeError | EncodeError | InvalidIdError | RequestError

/**
 * CouchDB's 404 for a local document reports that the document is missing or deleted, or that the database does not
 * exist. Any other 404 comes from another service, and must not count as a missing checkpoint.
 */
const verified = <A, E, R>(
  effect: Effect.Effect<A, E | NotFoundError, R>
): Effect.Effect<A, E | NotFoundError | UnexpectedResponseError, R> =>
  Effect.mapError(effect, (error) => isNotFound(error) && !isGone(error) ? unexpected(error) : error)

const isNotFound = (error: unknown): error is NotFoundError =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === "NotFoundError"

const unexpected = ({ database, id, method, path, reason, server, status }: NotFoundError): UnexpectedResponseError =>
  new UnexpectedResponseError({
    server,
    method,
    path,
    status,
    problem: `CouchDB never responds to a request for a local document with the reason ${quote(reason)}`,
    database,
    id
  })

export const inLocalDocument = (database: string, id: string): Checkpoint<LocalError, CouchHttp> => {
  const collection = Effect.map(DatabaseName.decode(database), (name) => Collection.make(name, Since))
  return {
    read: verified(Effect.map(
      Effect.flatMap(collection, (checkpoints) => LocalDocument.fetchOption(checkpoints, id)),
      Option.map(({ body }) => body.since)
    )),
    write: (since) =>
      verified(
        Effect.asVoid(Effect.flatMap(collection, (checkpoints) => LocalDocument.save(checkpoints, id, { since })))
      )
  }
}
