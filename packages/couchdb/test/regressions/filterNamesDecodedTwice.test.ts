import { assert, it } from "@effect/vitest"
import { Changes, Collection, Database } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { interceptedClient, requests } from "../support/transport.js"

const zoo = Collection.make("zoo", Schema.Struct({ n: Schema.Number }))

it.effect("encodes each part of a filter's name, which CouchDB decodes once more after it split them", () =>
  Effect.gen(function*() {
    const on = yield* interceptedClient()
    yield* Effect.gen(function*() {
      yield* Database.create("zoo")
      const sent = (filter: Changes.Filter) =>
        Effect.map(
          requests(on, Effect.either(Changes.fetch(zoo, { filter, includeDocs: false }))),
          ([, asked]) => asked[0]?.path
        )
      assert.strictEqual(yield* sent(Changes.byFunction("c++", "f")), "/zoo/_changes?filter=c%252B%252B%2Ff")
      assert.strictEqual(
        yield* sent(Changes.byView("a/b", "100%")),
        "/zoo/_changes?filter=_view&view=a%252Fb%2F100%2525"
      )
      assert.strictEqual(yield* sent(Changes.byFunction("_d", "é f")), "/zoo/_changes?filter=%255Fd%2F%C3%A9%20f")
    }).pipe(Effect.provide(on.layer))
  }))
