import { assert, describe, it } from "@effect/vitest"
import { Auth, CouchError, CouchHttp, Transport } from "effect-couchdb"
import { EmbeddedCouch } from "effect-couchdb-embedded"
import * as JavaScript from "effect-couchdb-embedded/JavaScript"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import type { Scope } from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { makeScene, marker, operations, userPassword } from "../support/operations.js"
import { makeRecorder, metrics, shown } from "../support/recorder.js"

const admin = { username: "admin", password: Redacted.make("admin-password-4b7a") }
const adminHeader = `Basic ${btoa("admin:admin-password-4b7a")}`
const interpreter = JavaScript.make()

const auths: ReadonlyArray<readonly [name: string, auth: Auth.Auth]> = [
  ["basic", Auth.basic("admin", Redacted.make("basic-password-1f3c"))],
  ["session", Auth.session("admin", Redacted.make("session-password-77de"))],
  ["cookie", Auth.cookie(Redacted.make("fixed-cookie-8a21"))],
  ["jwt", Auth.jwt(Redacted.make("fixed-token-c0de"))],
  ["jwt from an effect", Auth.jwt(Effect.succeed(Redacted.make("given-token-d1ce")))],
  ["proxy", Auth.proxy("admin", { secret: Redacted.make("proxy-secret-33aa"), roles: ["_admin"] })],
  ["none", Auth.none]
]

/** What no span, log, error or metric may contain. The tokens of `Auth.proxy` and of basic credentials among it. */
const secrets = [
  marker,
  userPassword,
  "another password",
  "admin-password-4b7a",
  "basic-password-1f3c",
  btoa("admin:basic-password-1f3c"),
  "session-password-77de",
  "fixed-cookie-8a21",
  "fixed-token-c0de",
  "given-token-d1ce",
  "proxy-secret-33aa",
  "renewed-cookie-52bb",
  "AuthSession",
  "x-auth-couchdb-token",
  "Bearer "
]

const cookie = { "set-cookie": "AuthSession=renewed-cookie-52bb; Version=1; Path=/; HttpOnly; Max-Age=600" }
const own = (status: number, error: string, reason: string): Transport.BufferedResponse => ({
  status,
  headers: { ...cookie, "content-type": "application/json", "x-couch-request-id": "0123456789" },
  body: JSON.stringify({ error, reason, document: marker })
})
const page = (status: number): Transport.BufferedResponse => ({
  status,
  headers: {
    ...cookie,
    "content-type": "text/html",
    location: `https://me:${userPassword}@login.example/?t=${marker}`
  },
  body: `<html>${marker}</html>`
})

type Failure = Transport.BufferedResponse | CouchError.TransportError["reason"] | "Stalled" | undefined

const failures: ReadonlyArray<readonly [name: string, failure: Failure]> = [
  ["nothing", undefined],
  ["400", own(400, "bad_request", "no")],
  ["401", own(401, "unauthorized", "Name or password is incorrect.")],
  ["403", own(403, "forbidden", "no")],
  ["404", own(404, "not_found", "missing")],
  ["409", own(409, "conflict", "Document update conflict.")],
  ["412", own(412, "file_exists", "exists")],
  ["413", own(413, "too_large", "too large")],
  ["429", own(429, "too_many_requests", "slow down")],
  ["500", own(500, "unknown_error", "badmatch")],
  ["503", own(503, "service unavailable", "busy")],
  ["a page with 200", page(200)],
  ["a page with 302", page(302)],
  ["a page with 401", page(401)],
  ["a page with 502", page(502)],
  ["JSON with 200", { status: 200, headers: cookie, body: JSON.stringify({ text: marker }) }],
  ["Connection", "Connection"],
  ["NoAnswer", "NoAnswer"],
  ["Body", "Body"],
  ["a stall", "Stalled"]
]

/** An embedded CouchDB that takes any credentials, answers with cookies, and fails from one of its requests on. */
const world = Effect.gen(function*() {
  const couch = yield* EmbeddedCouch.make({ admin, interpreter, iterations: 1 })
  const inner = EmbeddedCouch.transport(couch)
  const state: { failure: Failure; from: number } = { failure: undefined, from: 0 }
  const asAdmin = (request: Transport.TransportRequest): Transport.TransportRequest => {
    const { authorization: _, cookie: __, ...headers } = request.headers
    return { ...request, headers: { ...headers, authorization: adminHeader } }
  }
  const fails = (request: Transport.TransportRequest) =>
    Effect.suspend(() => {
      const { failure } = state
      if (failure === undefined || state.from-- > 0 || request.path === "/_session") return Effect.succeed(undefined)
      return failure === "Stalled" ? Effect.never : typeof failure === "string"
        ? Effect.fail(
          new CouchError.TransportError({
            method: request.method,
            path: request.path,
            reason: failure,
            description: "reset by the test"
          })
        )
        : Effect.succeed(failure)
    })
  const withCookie = <Response extends { readonly headers: Readonly<Record<string, string>> }>(response: Response) => ({
    ...response,
    headers: { ...response.headers, ...cookie }
  })
  const login: Transport.BufferedResponse = {
    status: 200,
    headers: { ...cookie, "x-couch-request-id": "0123456789" },
    body: "{\"ok\":true,\"name\":\"admin\",\"roles\":[\"_admin\"],\"userCtx\":{\"name\":\"admin\",\"roles\":[]}}"
  }
  const transport: Transport.Service = {
    request: (request) =>
      Effect.flatMap(fails(request), (failure) =>
        failure !== undefined
          ? Effect.succeed(failure)
          : request.path === "/_session" && request.method === "POST"
          ? Effect.succeed(login)
          : Effect.map(inner.request(asAdmin(request)), withCookie)),
    stream: (request) =>
      Effect.flatMap(
        fails(request),
        (failure): ReturnType<Transport.Service["stream"]> =>
          failure !== undefined
            ? Effect.succeed({ ...failure, body: Stream.make(Transport.bytes(failure)) })
            : Effect.map(inner.stream(asAdmin(request)), withCookie)
      )
  }
  const clean = yield* CouchHttp.make({ url: "http://embedded", auth: Auth.basic("admin", admin.password) }).pipe(
    Effect.provideService(Transport.Transport, inner)
  )
  const client = (auth: Auth.Auth) =>
    CouchHttp.make({ url: "http://embedded", auth, retry: Schedule.recurs(1), timeout: "20 seconds" }).pipe(
      Effect.provideService(Transport.Transport, transport)
    )
  return { clean, client, state }
})

/** Lets the test's time pass until the effect is done, or for long enough to see that it does not end. */
const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.fork(effect)
    for (let i = 0; i < 10 && fiber.unsafePoll() === null; i++) yield* TestClock.adjust("11 seconds")
    if (fiber.unsafePoll() === null) yield* Fiber.interrupt(fiber)
    return yield* fiber.await
  })

describe("spans, logs, errors and metrics", () => {
  for (const [index, operation] of operations.filter(({ embedded }) => embedded).entries()) {
    it.scoped(`contain no secret and no body after ${operation.name}`, () =>
      Effect.gen(function*() {
        const { clean, client, state } = yield* world
        const by = (couch: CouchHttp.Service) => Effect.provideService(CouchHttp.CouchHttp, couch)
        for (const [n, [failureName, failure]] of failures.entries()) {
          const [authName, auth] = auths[(index + n) % auths.length]!
          const scene = yield* makeScene.pipe(by(clean))
          const prepared = yield* operation.prepare(scene).pipe(by(clean))
          const recorder = makeRecorder()
          state.failure = failure
          // The first request fails, or the second.
          state.from = (index + n) % 2
          const exit = yield* timed(
            Effect.scoped(operation.run(scene, prepared) as Effect.Effect<unknown, unknown, Scope>).pipe(
              Effect.withSpan("the caller's span"),
              Effect.tapErrorCause((cause) => Effect.logError("it failed", cause)),
              by(yield* client(auth)),
              Effect.provide(recorder.layer),
              Effect.withTracer(recorder.tracer)
            )
          )
          state.failure = undefined
          const all = recorder.text() + (Exit.isFailure(exit) ? shown(exit.cause) : "") + (yield* metrics)
          for (const secret of secrets) {
            assert.notInclude(all, secret, `${failureName}, with ${authName}: ${secret}`)
          }
        }
      }).pipe(Effect.orDie), 120_000)
  }
})
