/**
 * A conflict, and what can be done about it: `npx tsx --conditions=effect-couchdb-source scratchpad/conflict.ts`
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

  // Nothing done about it, it is an error that says what to do.
  const refused = yield* staleHandle("refused")
  yield* Document.save(refused).pipe(Effect.catchTag("ConflictError", (error) => Console.log(error.message)))
  yield* show("refused  ", "refused")

  // Theirs stays, and mine is given back, unsaved.
  const ignored = yield* staleHandle("ignored")
  const mine = yield* Document.save(ignored).pipe(Effect.catchTag("ConflictError", Conflict.ignore))
  yield* show("ignore   ", "ignored")
  yield* Console.log(`           still to be saved: ${Document.changedPaths(mine).join(", ")}`)

  // Mine stays, and theirs is lost.
  const overwritten = yield* staleHandle("overwritten")
  yield* Document.save(overwritten).pipe(Effect.catchTag("ConflictError", Conflict.overwrite))
  yield* show("overwrite", "overwritten")

  // Both stay: the edit is applied to what is there, and again as often as somebody is faster.
  yield* staleHandle("updated")
  yield* Document.update(butterflies, "updated", (b) => ({ ...b, seen: b.seen + 1 }))
  yield* show("update   ", "updated")
})

const couch = CouchHttp.layer({ url: "http://embedded" }).pipe(Layer.provide(EmbeddedCouch.layer()))

await Effect.runPromise(Effect.provide(program, couch))
