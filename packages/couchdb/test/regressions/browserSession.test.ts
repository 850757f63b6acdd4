import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { assert, it } from "@effect/vitest"
import { Auth, CouchHttp, Database, Session, Transport, User } from "effect-couchdb"
import { EmbeddedCouch } from "effect-couchdb-embedded"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"

const admin = { username: "admin", password: Redacted.make("correct horse") }

/**
 * A `fetch` as a browser has it: no program reads or sets cookies, and those of another origin are kept and sent only if
 * requests include credentials.
 */
const browserFetch = (couch: EmbeddedCouch.Service): typeof globalThis.fetch => {
  const jar = new Map<string, string>()
  return (input, init) => {
    const url = new URL(String(input))
    const { cookie: _, ...headers } = Object.fromEntries(new Headers(init?.headers).entries())
    const included = init?.credentials === "include"
    const cookie = included && jar.size > 0 ? { cookie: Array.from(jar, (pair) => pair.join("=")).join("; ") } : {}
    const body = typeof init?.body === "string" || init?.body instanceof Uint8Array ? init.body : undefined
    return Effect.runPromise(Effect.map(
      EmbeddedCouch.transport(couch).request({
        method: init?.method ?? "GET",
        origin: url.origin,
        path: url.pathname + url.search,
        headers: { ...headers, ...cookie },
        body
      }),
      (response) => {
        const { "set-cookie": set, ...visible } = response.headers
        const [, name, value] = /^(\w+)=([^;]*)/.exec(set ?? "") ?? []
        if (included && name !== undefined && value !== undefined) jar.set(name, value)
        return new Response(response.status === 304 ? null : Transport.text(response), {
          status: response.status,
          headers: visible
        })
      }
    ))
  }
}

/** The user `ada`, in a browser whose requests are sent with `init`. */
const inBrowser = (init: RequestInit) =>
  Effect.gen(function*() {
    const couch = yield* EmbeddedCouch.make({ admin })
    const transport = Layer.succeed(Transport.Transport, EmbeddedCouch.transport(couch))
    const url = "http://couch.example:5984"
    yield* User.create("ada", Redacted.make("secret")).pipe(
      Effect.zipRight(Database.create("zoo")),
      Effect.zipRight(Database.setSecurity("zoo", {
        admins: { names: [], roles: [] },
        members: { names: ["ada"], roles: [] }
      })),
      Effect.provide(
        CouchHttp.layer({ url, auth: Auth.basic(admin.username, admin.password) }).pipe(Layer.provide(transport))
      )
    )
    return CouchHttp.layer({ url, auth: Auth.session("ada", Redacted.make("secret")) }).pipe(
      Layer.provide(Transport.layerHttpClient()),
      Layer.provide(FetchHttpClient.layer),
      Layer.provide(Layer.mergeAll(
        Layer.succeed(FetchHttpClient.Fetch, browserFetch(couch)),
        Layer.succeed(FetchHttpClient.RequestInit, init)
      ))
    )
  })

const unrecognised = (request: string): string =>
  `${request}: the login succeeded, but the server does not recognise the requests after it ` +
  "(401 unauthorized: You are not authorized to access this db). A browser keeps the cookie of another origin only if " +
  "requests include credentials: provide FetchHttpClient.RequestInit with { credentials: \"include\" }, as Auth.session " +
  "describes."

it.live("a session without credentials: include names what to provide, for each request and for a stream", () =>
  Effect.gen(function*() {
    const layer = yield* inBrowser({})
    yield* Effect.gen(function*() {
      for (let i = 0; i < 3; i++) {
        const error = yield* Effect.flip(Database.info("zoo"))
        assert.strictEqual(error.message, unrecognised("GET http://couch.example:5984/zoo"))
      }
      const couch = yield* CouchHttp.CouchHttp
      const streamed = yield* Effect.flip(Effect.scoped(
        couch.stream({ method: "GET", path: "/zoo/_all_docs", route: "/{db}/_all_docs" })
      ))
      assert.strictEqual(streamed.message, unrecognised("GET http://couch.example:5984/zoo/_all_docs"))
    }).pipe(Effect.provide(layer))
  }))

it.live("a session with credentials: include works, and a missing permission is reported as one", () =>
  Effect.gen(function*() {
    const layer = yield* inBrowser({ credentials: "include" })
    yield* Effect.gen(function*() {
      assert.deepStrictEqual((yield* Session.info).name, Option.some("ada"))
      assert.strictEqual((yield* Database.info("zoo")).name, "zoo")
      for (let i = 0; i < 3; i++) {
        const error = yield* Effect.flip(Database.create("aviary"))
        assert.include(error.message, "this needs a server admin (401 unauthorized")
      }
    }).pipe(Effect.provide(layer))
  }))

it.live("a login whose cookie cannot be read refers to Auth.session", () =>
  Effect.gen(function*() {
    const layer = yield* inBrowser({ credentials: "include" })
    const error = yield* Effect.flip(Session.login("ada", Redacted.make("secret"))).pipe(Effect.provide(layer))
    assert.strictEqual(
      error.message,
      "POST http://couch.example:5984/_session: the login succeeded (200), but its cookie cannot be read here. " +
        "A browser keeps cookies to itself: use Auth.session instead of Session.login there."
    )
  }))
