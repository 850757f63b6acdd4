import { afterAll, assert, describe } from "@effect/vitest"
import { Auth, type Transport } from "effect-couchdb"
import * as CouchHttp from "effect-couchdb/CouchHttp"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import type { Scope } from "effect/Scope"
import { every, isDeep, numRuns, sample } from "../support/deep.js"
import type { Interference } from "../support/middlebox.js"
import { makeFixture, marker, operations, userPassword } from "../support/operations.js"
import { makeRecorder, metrics, shown } from "../support/recorder.js"
import { environments } from "../support/worlds.js"

const auths: ReadonlyArray<readonly [name: string, auth: Auth.Auth]> = [
  ["basic", Auth.basic("admin", Redacted.make("basic-password-1f3c"))],
  ["session", Auth.session("admin", Redacted.make("session-password-77de"))],
  ["cookie", Auth.cookie(Redacted.make("fixed-cookie-8a21"))],
  ["jwt", Auth.jwt(Redacted.make("fixed-token-c0de"))],
  ["jwt from an effect", Auth.jwt(Effect.succeed(Redacted.make("given-token-d1ce")))],
  ["proxy", Auth.proxy("admin", { secret: Redacted.make("proxy-secret-33aa"), roles: ["_admin"] })],
  ["none", Auth.none]
]

/** What no span, log, error or metric may contain. */
const secrets = [
  marker,
  userPassword,
  "another password",
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

const substituteResponse = (response: Transport.BufferedResponse): Interference => ({
  _tag: "Response",
  response,
  carriesOut: false
})

const own = (status: number, error: string, reason: string): Interference =>
  substituteResponse({
    status,
    headers: { ...cookie, "content-type": "application/json", "x-couch-request-id": "0123456789" },
    body: JSON.stringify({ error, reason, document: marker })
  })

const page = (status: number): Interference =>
  substituteResponse({
    status,
    headers: {
      ...cookie,
      "content-type": "text/html",
      location: `https://me:${userPassword}@login.example/?t=${marker}`
    },
    body: `<html>${marker}</html>`
  })

const failures: ReadonlyArray<readonly [name: string, failure: Interference | undefined]> = [
  ["nothing", undefined],
  ["400", own(400, "bad_request", "no")],
  ["401", own(401, "unauthorized", "Name or password is incorrect.")],
  ["403", own(403, "forbidden", "no")],
  ["404", own(404, "not_found", "missing")],
  ["405", own(405, "method_not_allowed", "no")],
  ["406", own(406, "not_acceptable", "no")],
  ["409", own(409, "conflict", "Document update conflict.")],
  ["412", own(412, "file_exists", "exists")],
  ["413", own(413, "too_large", "too large")],
  ["415", own(415, "bad_content_type", "no")],
  ["417", own(417, "expectation_failed", "no")],
  ["429", own(429, "too_many_requests", "slow down")],
  ["500", own(500, "unknown_error", "badmatch")],
  ["503", own(503, "service unavailable", "busy")],
  ["a page with 200", page(200)],
  ["a page with 302", page(302)],
  ["a page with 401", page(401)],
  ["a page with 502", page(502)],
  ["JSON with 200", substituteResponse({ status: 200, headers: cookie, body: JSON.stringify({ text: marker }) })],
  ["text that is no JSON with 201", substituteResponse({ status: 201, headers: cookie, body: `{"text":"${marker}` })],
  ["a reset", { _tag: "Reset", carriesOut: false }],
  ["a reset after it happened", { _tag: "Reset", carriesOut: true }],
  ["a stall", { _tag: "Stall" }]
]

const session: Interference = substituteResponse({
  status: 200,
  headers: { ...cookie, "content-type": "application/json", "x-couch-request-id": "0123456789" },
  body: "{\"ok\":true,\"name\":\"admin\",\"roles\":[\"_admin\"],\"userCtx\":{\"name\":\"admin\",\"roles\":[]}}"
})

/** The server takes any credentials for its administrator's, and answers with cookies. */
const anybody = (authorization: string) => ({
  request: ({ authorization: _, cookie: __, ...headers }: Readonly<Record<string, string>>) => ({
    ...headers,
    authorization
  }),
  response: (headers: Readonly<Record<string, string>>) => ({ ...headers, ...cookie })
})

/** Some of the failures with one kind of credentials each; all of them with `NUM_RUNS` kinds if that is set. */
const tries = (index: number) =>
  failures.flatMap((failure, n) =>
    numRuns === undefined && (n + index) % sample(12, 3) !== 0
      ? []
      : Array.from(
        { length: Math.min(auths.length, numRuns ?? 1) },
        (_, i) => [failure, auths[(index + n + i) % auths.length]!] as const
      )
  )

for (const environment of environments) {
  describe(`spans, logs, errors and metrics, ${environment.name}`, () => {
    const tally = { operations: 0, tries: 0 }
    if (isDeep) {
      afterAll(() => {
        process.stdout.write(`secrets, ${environment.name}: operations ${tally.operations} · tries ${tally.tries}\n`)
      })
    }

    for (const [index, operation] of every(3, [...operations.filter(environment.has).entries()], 2)) {
      environment.it(`contain no secret and no body after ${operation.name}`, () =>
        Effect.gen(function*() {
          const { clean, client, middlebox, remote, timed } = yield* environment.make(anybody)
          const by = (couch: CouchHttp.Service) => Effect.provideService(CouchHttp.CouchHttp, couch)
          for (const [[failureName, failure], [authName, auth]] of tries(index)) {
            yield* Effect.scoped(Effect.gen(function*() {
              middlebox.use(undefined)
              const fixture = yield* makeFixture(remote).pipe(by(clean))
              const prepared = yield* operation.prepare(fixture).pipe(by(clean))
              const recorder = makeRecorder()
              let left = tally.tries++ % 2
              middlebox.use(({ method, path }) => {
                if (path === "/_session" && method === "POST") return session
                // The first request fails, or the second.
                return failure === undefined || left-- > 0 ? undefined : failure
              })
              const exit = yield* timed(
                Effect.scoped(operation.run(fixture, prepared) as Effect.Effect<unknown, unknown, Scope>).pipe(
                  Effect.withSpan("the caller's span"),
                  Effect.tapErrorCause((cause) => Effect.logError("it failed", cause)),
                  by(yield* client(auth)),
                  Effect.provide(recorder.layer),
                  Effect.withTracer(recorder.tracer)
                )
              )
              middlebox.use(undefined)
              const all = recorder.text() + (Exit.isFailure(exit) ? shown(exit.cause) : "") + (yield* metrics)
              assert.include(all, "the caller's span")
              for (const secret of secrets) {
                assert.notInclude(all, secret, `${failureName}, with ${authName}: ${secret}`)
              }
            }))
          }
          tally.operations++
        }).pipe(Effect.orDie))
    }
  })
}
