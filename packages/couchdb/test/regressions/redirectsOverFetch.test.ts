import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { assert, describe, it } from "@effect/vitest"
import { Auth, Collection, CouchHttp, Document, Session, Transport } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type * as Http from "node:http"
import { serve } from "../contract/httpServer.js"

const zoo = Collection.make("zoo", Schema.Struct({ n: Schema.Number }))

type Answer = (request: Http.IncomingMessage, response: Http.ServerResponse) => void

const json = (response: Http.ServerResponse, status: number, body: object): void => {
  response.writeHead(status, { "content-type": "application/json" })
  response.end(JSON.stringify(body))
}

const loginPage: Answer = (_, response) => {
  response.writeHead(200, { "content-type": "text/html" })
  response.end("<html>Who are you?</html>")
}

/** A server that redirects to `/there` with the status, and answers there with `there`. */
const redirecting = (status: number, there: Answer) =>
  Effect.gen(function*() {
    const heard: Array<string> = []
    const { url } = yield* serve((request, response) => {
      request.resume()
      request.on("end", () => {
        heard.push(`${request.method} ${request.url}`)
        if (request.url?.startsWith("/there") === true) return there(request, response)
        response.writeHead(status, { location: "/there?token=secret" })
        response.end()
      })
    })
    return { heard, url }
  })

const overFetch = (url: string, init: RequestInit = {}, options: Partial<CouchHttp.Options> = {}) =>
  CouchHttp.layer({ url, retry: "none", ...options }).pipe(
    Layer.provide(Transport.layerHttpClient()),
    Layer.provide(FetchHttpClient.layer),
    Layer.provide(Layer.succeed(FetchHttpClient.RequestInit, init))
  )

const get = { method: "GET", path: "/zoo/monarch", route: "/{db}/{docid}" } as const

const execute = (request: CouchHttp.CouchRequest) =>
  Effect.flatMap(CouchHttp.CouchHttp, (couch) => couch.execute(request))

describe("a redirect that fetch follows is named", () => {
  for (const status of [301, 302, 303, 307, 308]) {
    it.scopedLive(`${status}: a read that ends at a login page`, () =>
      Effect.gen(function*() {
        const { url } = yield* redirecting(status, loginPage)
        const error = yield* Effect.flip(Document.fetch(zoo, "monarch")).pipe(Effect.provide(overFetch(url)))
        assert.strictEqual(error._tag, "UnexpectedResponseError")
        assert.include(
          error.message,
          `redirected to ${url}/there: the response is not the document. Check that the URL`
        )
        assert.notInclude(error.message, "secret")
      }))

    it.scopedLive(`${status}: a write that ends at a login page`, () =>
      Effect.gen(function*() {
        const { url } = yield* redirecting(status, loginPage)
        const error = yield* Effect.flip(Document.create(zoo, "monarch", { n: 1 })).pipe(
          Effect.provide(overFetch(url))
        )
        // Some versions of Node cannot send the body once more.
        if (error._tag === "TransportError") {
          assert.strictEqual(error.reason, "RequestBody")
          assert.include(error.message, "the server redirected the request")
        } else {
          assert.strictEqual(error._tag, "UnexpectedResponseError")
          assert.include(error.message, `redirected to ${url}/there: `)
        }
        assert.notInclude(error.message, "secret")
      }))
  }

  for (const status of [307, 308]) {
    it.scopedLive(`${status}: a body that cannot be sent twice names the redirect, however it is given`, () =>
      Effect.gen(function*() {
        const { url } = yield* redirecting(status, (request, response) => {
          // On a runtime that sends the body once more this is CouchDB's own response.
          json(response, request.method === "PUT" ? 201 : 405, { ok: true, id: "monarch", rev: "1-a" })
        })
        const bytes = new TextEncoder().encode("{}")
        for (const body of ["{}", bytes, Stream.make(bytes)]) {
          const outcome = yield* Effect.either(execute({ ...get, method: "PUT", body })).pipe(
            Effect.provide(overFetch(url))
          )
          if (Either.isRight(outcome)) assert.strictEqual(outcome.right.status, 201)
          else {
            assert.include(outcome.left, { _tag: "TransportError", reason: "RequestBody" })
            assert.match(outcome.left.message, /\(the server redirected the request, .*Use the URL that the server/)
          }
        }
      }))
  }

  it.scopedLive("303: a write that became a read of an existing document is not reported as written", () =>
    Effect.gen(function*() {
      const { heard, url } = yield* redirecting(
        303,
        (_, response) => json(response, 200, { _id: "monarch", _rev: "1-a" })
      )
      const error = yield* Effect.flip(Document.create(zoo, "monarch", { n: 1 })).pipe(Effect.provide(overFetch(url)))
      assert.strictEqual(error._tag, "UnexpectedResponseError")
      assert.deepStrictEqual(heard.slice(0, 2), ["PUT /zoo/monarch", "GET /there?token=secret"])
    }))

  it.scopedLive("302: a login that became a GET is not reported as a session", () =>
    Effect.gen(function*() {
      const { url } = yield* redirecting(302, (_, response) =>
        json(response, 200, { ok: true, userCtx: { name: null, roles: [] } }))
      const error = yield* Effect.flip(Session.login("ada", Redacted.make("secret"))).pipe(
        Effect.provide(overFetch(url))
      )
      if (error._tag === "TransportError") {
        assert.strictEqual(error.reason, "RequestBody")
      } else {
        assert.strictEqual(error._tag, "UnexpectedResponseError")
        assert.match(error.message, /redirected to .*: the response may be the one to a GET instead of the POST/)
      }
    }))

  it.scopedLive("a 401 of another origin, which gets no credentials, names the redirect", () =>
    Effect.gen(function*() {
      const other = yield* serve((request, response) =>
        json(
          response,
          request.headers.authorization === undefined ? 401 : 200,
          { error: "unauthorized", reason: "You are not authorized to access this db." }
        )
      )
      const { url } = yield* serve((_, response) => {
        response.writeHead(307, { location: `${other.url}/zoo/monarch` })
        response.end()
      })
      const error = yield* Effect.flip(execute(get)).pipe(
        Effect.provide(overFetch(url, {}, { auth: Auth.basic("ada", Redacted.make("secret")) }))
      )
      assert.strictEqual(error._tag, "UnexpectedResponseError")
      assert.include(error.message, `redirected to ${other.url}/zoo/monarch: no credentials are sent there`)
    }))
})

it.scopedLive("a read that is redirected to a document returns it", () =>
  Effect.gen(function*() {
    const { url } = yield* redirecting(301, (_, response) => json(response, 200, { _id: "monarch", _rev: "1-a", n: 1 }))
    const doc = yield* Document.fetch(zoo, "monarch").pipe(Effect.provide(overFetch(url)))
    assert.strictEqual(doc.body.n, 1)
  }))

it.scopedLive("no redirect is followed with `redirect: \"manual\"`", () =>
  Effect.gen(function*() {
    const { heard, url } = yield* redirecting(307, loginPage)
    const error = yield* Effect.flip(Document.create(zoo, "monarch", { n: 1 })).pipe(
      Effect.provide(overFetch(url, { redirect: "manual" }))
    )
    assert.strictEqual(error._tag, "UnexpectedResponseError")
    assert.include(error.message, "redirected to /there. ")
    assert.deepStrictEqual(heard.filter((each) => !each.includes("/zoo/")), [])
  }))

it.effect("a redirect whose target a browser hides is reported as a redirect", () =>
  Effect.gen(function*() {
    const opaque = Object.defineProperties(new Response(null), {
      status: { value: 0 },
      type: { value: "opaqueredirect" }
    })
    const layer = CouchHttp.layer({ url: "http://couch.example", retry: "none" }).pipe(
      Layer.provide(Transport.layerHttpClient()),
      Layer.provide(FetchHttpClient.layer),
      Layer.provide(Layer.succeed(FetchHttpClient.Fetch, () => Promise.resolve(opaque)))
    )
    const error = yield* Effect.flip(execute(get)).pipe(Effect.provide(layer))
    assert.strictEqual(error._tag, "UnexpectedResponseError")
    assert.match(error.message, /redirected, and the browser does not say where\. Check that the URL/)
  }))
