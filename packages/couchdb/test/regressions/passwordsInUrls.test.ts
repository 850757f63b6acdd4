import { assert, it } from "@effect/vitest"
import { CouchHttp, Transport } from "effect-couchdb"
import * as Effect from "effect/Effect"
import { makeResponse, transport } from "../support/transport.js"

const askAt = (url: string) =>
  Effect.gen(function*() {
    const origins: Array<string> = []
    const couch = yield* CouchHttp.make({ url }).pipe(
      Effect.provideService(
        Transport.Transport,
        transport((request) => Effect.sync(() => (origins.push(request.origin), makeResponse(200, {}))))
      )
    )
    const asked = yield* Effect.either(couch.execute({ method: "PUT", path: "/zoo", route: "/{db}" }))
    return { asked, origins }
  })

it.scoped("a raw character that ends a URL's password early fails every request, and no part of the password is shown", () =>
  Effect.gen(function*() {
    for (
      const password of [
        "12#battery",
        "12?battery",
        "12/battery",
        "bat#tery",
        "bat?tery",
        "bat/tery",
        "#12battery",
        "12/#battery"
      ]
    ) {
      const { asked, origins } = yield* askAt(`http://admin:${password}@couch.example:5984`)
      assert.deepStrictEqual(origins, [], password)
      const error = asked._tag === "Left" ? asked.left : undefined
      assert.strictEqual(error?._tag === "TransportError" && error.reason, "InvalidUrl")
      const { message = "" } = error ?? {}
      assert.match(message, /percent-encoded, or give them as COUCHDB_USER and COUCHDB_PASSWORD.*Nothing was sent\.$/)
      assert.notMatch(message, /bat|tery|:12|admin/)
    }
  }))

it.scoped("percent-encoded characters, and raw ones that do not end the password, are part of the password", () =>
  Effect.gen(function*() {
    for (const password of ["a%23b", "a%3Fb", "a%2Fb", "a%40b", "a[b", "a@b"]) {
      const { asked, origins } = yield* askAt(`http://admin:${password}@couch.example:5984/prefix/`)
      assert.strictEqual(asked._tag, "Right", password)
      assert.deepStrictEqual(origins, ["http://couch.example:5984"])
    }
  }))

it.scoped("a URL with a query or a fragment is not valid", () =>
  Effect.gen(function*() {
    for (const url of ["http://couch.example/?x=1", "http://couch.example/#zoo", "http://couch.example/@home"]) {
      assert.strictEqual((yield* askAt(url)).asked._tag, "Left")
    }
    assert.strictEqual((yield* askAt("http://couch.example/%40home")).asked._tag, "Right")
  }))
