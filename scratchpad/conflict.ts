/**
 * A conflict, and the ways to handle it: `npx tsx --conditions=effect-couchdb-source scratchpad/conflict.ts`
 */
import { Console, Effect, Layer, Schema } from "effect"
import { Collection, Conflict, CouchHttp, Database, Document } from "effect-couchdb"
import { EmbeddedCouch } from "effect-couchdb-embedded"

const Butterfly = Schema.Struct({ name: Schema.String, seen: Schema.Number })
const butterflies = Collection.make("zoo", Butterfly)

const setName = (name: string) => Document.modify((b: typeof Butterfly.Type) => ({ ...b, name }))
const seenAgain = Document.modify((b: typeof Butterfly.Type) => ({ ...b, seen: b.seen + 1 }))

/** Two handles on one document: the first is saved, so the second is stale. */
const staleHandle = (id: string) =>
  Effect.gen(function*() {
    yield* Document.create(butterflies, id, { name: "Monarch", seen: 0 })
    const mine = yield* Document.fetch(butterflies, id)
    const theirs = yield* Document.fetch(butterflies, id)
    yield* Document.save(setName("Danaus plexippus")(theirs))
    return seenAgain(mine)
  })

const show = (what: string, id: string) =>
  Effect.flatMap(Document.fetch(butterflies, id), ({ body }) => Console.log(`${what}: ${body.name}, seen ${body.seen}`))

const program = Effect.gen(function*() {
  yield* Database.create("zoo")

  // A conflict that is not handled is an error, and its message lists the options.
  const refused = yield* staleHandle("refused")
  yield* Document.save(refused).pipe(Effect.catchTag("ConflictError", (error) => Console.log(error.message)))
  yield* show("refused  ", "refused")

  // Ignore: theirs is stored, and mine is returned unsaved.
  const ignored = yield* staleHandle("ignored")
  const mine = yield* Document.save(ignored).pipe(Effect.catchTag("ConflictError", Conflict.ignore))
  yield* show("ignore   ", "ignored")
  yield* Console.log(`           unsaved paths: ${Document.changedPaths(mine).join(", ")}`)

  // Overwrite: mine is stored, and theirs is lost.
  const overwritten = yield* staleHandle("overwritten")
  yield* Document.save(overwritten).pipe(Effect.catchTag("ConflictError", Conflict.overwrite))
  yield* show("overwrite", "overwritten")

  // Update: both are stored. The edit is applied to the current revision, and again after each conflict.
  yield* staleHandle("updated")
  yield* Document.update(butterflies, "updated", (b) => ({ ...b, seen: b.seen + 1 }))
  yield* show("update   ", "updated")
})

const couch = CouchHttp.layer({ url: "http://embedded" }).pipe(Layer.provide(EmbeddedCouch.layer()))

await Effect.runPromise(Effect.provide(program, couch))
