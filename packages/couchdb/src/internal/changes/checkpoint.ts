import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import type { Checkpoint } from "../../Changes.js"
import * as Collection from "../../Collection.js"
import type { DecodeError, EncodeError, InvalidIdError, NotFoundError, RequestError } from "../../CouchError.js"
import type { CouchHttp } from "../../CouchHttp.js"
import * as DatabaseName from "../../DatabaseName.js"
import * as LocalDocument from "../../LocalDocument.js"

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

export const inLocalDocument = (database: string, id: string): Checkpoint<LocalError, CouchHttp> => {
  const collection = Effect.map(DatabaseName.decode(database), (name) => Collection.make(name, Since))
  return {
    read: Effect.map(
      Effect.flatMap(collection, (checkpoints) => LocalDocument.fetchOption(checkpoints, id)),
      Option.map(({ body }) => body.since)
    ),
    write: (since) =>
      Effect.asVoid(Effect.flatMap(collection, (checkpoints) => LocalDocument.save(checkpoints, id, { since })))
  }
}
