import { assert, describe, it } from "@effect/vitest"
import type { CouchError } from "effect-couchdb"
import { Auth, Collection, CouchHttp, Database, Document, Session, Transport } from "effect-couchdb"
import { EmbeddedCouch } from "effect-couchdb-embedded"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as Tracer from "effect/Tracer"
import { inspect } from "node:util"
import { makeResponse } from "../support/transport.js"

const password = Redacted.make("correct horse")
const admin = { username: "admin", password }
const zoo = Collection.make("zoo", Schema.Struct({ n: Schema.Number }))

type Between = (
  request: Transport.TransportRequest,
  pass: Effect.Effect<Transport.BufferedResponse, CouchError.TransportError>
) => Effect.Effect<Transport.BufferedResponse, CouchError.TransportError>

/** An embedded CouchDB with an administrator, and everything that it is asked. */
const server = (auth: Auth.Auth, between: Between = (_, pass) => pass) =>
  Effect.gen(function*() {
    const asked = yield* Ref.make<ReadonlyArray<Transport.TransportRequest>>([])
    const couch = yield* EmbeddedCouch.make({ admin })
    const engine = EmbeddedCouch.transport(couch)
    const noted = (request: Transport.TransportRequest) => Ref.update(asked, (all) => [...all, request])
    const transport: Transport.Service = {
      request: (request) => Effect.zipRight(noted(request), between(request, engine.request(request))),
      stream: (request) =>
        Effect.zipRight(
          noted(request),
          Effect.flatMap(
            between(request, Effect.succeed(makeResponse(0))),
            (reply): ReturnType<Transport.Service["stream"]> =>
              reply.status === 0
                ? engine.stream(request)
                : Effect.succeed({ ...reply, body: Stream.make(Transport.bytes(reply)) })
          )
        )
    }
    const layer = CouchHttp.layer({ url: "http://embedded", auth, retry: "none" }).pipe(
      Layer.provide(Layer.succeed(Transport.Transport, transport))
    )
    const context = yield* Layer.build(layer)
    const paths = Effect.map(Ref.getAndSet(asked, []), (all) => all.map(({ method, path }) => `${method} ${path}`))
    return { asked, paths, run: Effect.provide(context), engine }
  })

const logins = (paths: ReadonlyArray<string>) => paths.filter((path) => path === "POST /_session").length

const withoutExpiry: Between = (_, pass) =>
  Effect.map(pass, (response) => {
    const cookie = response.headers["set-cookie"]?.replace(/; Expires=[^;]*|; Max-Age=\d+/g, "")
    return cookie === undefined ? response : { ...response, headers: { ...response.headers, "set-cookie": cookie } }
  })

const session = Auth.session("admin", password)

describe("a session", () => {
  it.scoped("is begun before the first request, and shared by all fibers", () =>
    Effect.gen(function*() {
      const { paths, run } = yield* server(session)
      yield* run(Effect.all(Array.from({ length: 50 }, () => Session.info), { concurrency: "unbounded" }))
      const all = yield* paths
      assert.strictEqual(all[0], "POST /_session")
      assert.strictEqual(logins(all), 1)
      assert.strictEqual(all.length, 51)
      const who = yield* run(Session.info)
      assert.deepStrictEqual(who.method, Either.getRight(Either.right("cookie")))
    }))

  it.scoped("is prolonged by the server's answers, for as long as there are requests", () =>
    Effect.gen(function*() {
      const { paths, run } = yield* server(session)
      yield* run(Database.create("zoo"))
      for (let i = 0; i < 20; i++) {
        yield* TestClock.adjust("5 minutes")
        yield* run(Database.info("zoo"))
      }
      const all = yield* paths
      assert.strictEqual(logins(all), 1)
      assert.strictEqual(all.length, 22)
    }))

  it.scoped("is renewed before it expires, at nine tenths of its lifetime", () =>
    Effect.gen(function*() {
      // The server's own prolongations are taken away.
      const { paths, run } = yield* server(session, (request, pass) =>
        request.method === "POST" ? pass : Effect.map(pass, (response) => ({ ...response, headers: {} })))
      yield* run(Session.info)
      yield* paths
      yield* TestClock.adjust(Duration.seconds(540).pipe(Duration.subtract(Duration.millis(1))))
      yield* run(Session.info)
      assert.deepStrictEqual(yield* paths, ["GET /_session"])
      yield* TestClock.adjust("1 millis")
      yield* run(Effect.all([Session.info, Session.info], { concurrency: 2 }))
      assert.deepStrictEqual(yield* paths, ["POST /_session", "GET /_session", "GET /_session"])
    }))

  it.scoped("without an expiry is renewed after a 401, and repeats the request once", () =>
    Effect.gen(function*() {
      const { paths, run } = yield* server(session, withoutExpiry)
      yield* run(Database.create("zoo"))
      yield* run(Document.create(zoo, "x", { n: 1 }))
      yield* paths
      yield* TestClock.adjust("11 minutes")
      const doc = yield* run(Document.fetch(zoo, "x"))
      assert.deepStrictEqual(yield* paths, ["GET /zoo/x", "GET /_session", "POST /_session", "GET /zoo/x"])
      yield* TestClock.adjust("11 minutes")
      // A write was refused, so that it did not happen: once more is once.
      const saved = yield* run(Document.save(Document.modify(doc, ({ n }) => ({ n: n + 1 }))))
      assert.match(Document.revision(saved).pipe(Effect.runSync), /^2-/)
      assert.strictEqual(logins(yield* paths), 1)
      assert.deepStrictEqual((yield* run(Document.fetch(zoo, "x"))).body, { n: 2 })
    }))

  it.scoped("a streamed answer is asked for again too, and any number of fibers begin one session", () =>
    Effect.gen(function*() {
      const { paths, run } = yield* server(session, withoutExpiry)
      yield* run(Database.create("zoo"))
      yield* paths
      yield* TestClock.adjust("11 minutes")
      const read = Effect.scoped(Effect.flatMap(CouchHttp.CouchHttp, (couch) =>
        Effect.flatMap(
          couch.stream({ method: "GET", path: "/zoo/_all_docs", route: "/{db}/_all_docs", database: "zoo" }),
          ({ body }) => Stream.runCount(body)
        )))
      const counts = yield* run(Effect.all(Array.from({ length: 20 }, () => read), { concurrency: "unbounded" }))
      for (const count of counts) assert.isAbove(count, 0)
      const all = yield* paths
      assert.strictEqual(logins(all), 1)
      assert.strictEqual(all.filter((path) => path === "GET /_session").length, 1)
    }))

  it.scoped("a stream that is sent is made sure of first, and sent again only if nothing of it was read", () =>
    Effect.gen(function*() {
      const { paths, run } = yield* server(session, withoutExpiry)
      yield* run(Database.create("zoo"))
      yield* paths
      yield* TestClock.adjust("11 minutes")
      const put = Effect.flatMap(CouchHttp.CouchHttp, (couch) =>
        couch.execute({
          method: "PUT",
          path: "/zoo/x",
          route: "/{db}/{docid}",
          body: Stream.make(new TextEncoder().encode("{\"n\":1}"))
        }))
      assert.strictEqual((yield* run(put)).status, 201)
      assert.deepStrictEqual(yield* paths, ["GET /_session", "POST /_session", "PUT /zoo/x"])
    }))

  it.scoped("one that is known but may not is refused once, and nobody logs in again", () =>
    Effect.gen(function*() {
      const { paths, run } = yield* server(session, (request, pass) =>
        request.path === "/_all_dbs"
          ? Effect.succeed(makeResponse(401, { error: "unauthorized", reason: "You are not a server admin." }))
          : pass)
      yield* run(Session.info)
      yield* paths
      const couch = yield* run(CouchHttp.CouchHttp)
      const get = couch.execute({ method: "GET", path: "/_all_dbs", route: "/_all_dbs" })
      for (let i = 0; i < 10; i++) assert.strictEqual((yield* Effect.flip(get))._tag, "UnauthorizedError")
      const all = yield* paths
      assert.strictEqual(logins(all), 0)
      assert.strictEqual(all.length, 20)
    }))

  it.scoped("tries a wrong password at most four times in five minutes, for all fibers together", () =>
    Effect.gen(function*() {
      const { paths, run } = yield* server(Auth.session("admin", Redacted.make("wrong")))
      let tried = 0
      for (let second = 0; second < 300; second += 5) {
        const results = yield* run(
          Effect.all(Array.from({ length: 4 }, () => Effect.either(Database.info("zoo"))), { concurrency: "unbounded" })
        )
        for (const result of results) {
          assert.isTrue(Either.isLeft(result) && result.left._tag === "UnauthorizedError")
          assert.isTrue(Either.isLeft(result) && result.left.message.includes("/_session"))
        }
        tried += logins(yield* paths)
        yield* TestClock.adjust("5 seconds")
      }
      assert.strictEqual(tried, 4)
    }))

  it.scoped("reports a locked account, and does not try it again", () =>
    Effect.gen(function*() {
      const reason = "Account is temporarily locked due to multiple authentication failures"
      const { paths, run } = yield* server(session, () =>
        Effect.succeed(makeResponse(403, { error: "forbidden", reason })))
      for (let i = 0; i < 5; i++) {
        const error = yield* Effect.flip(run(Database.info("zoo")))
        assert.strictEqual(error._tag, "AccountLockedError")
        assert.include(error.message, "five minutes")
      }
      assert.deepStrictEqual(yield* paths, ["POST /_session"])
    }))

  it.scoped("lets the next fiber log in if the one that logs in is interrupted", () =>
    Effect.gen(function*() {
      const gate = yield* Effect.makeSemaphore(1)
      yield* gate.take(1)
      const { paths, run } = yield* server(session, (request, pass) =>
        request.method === "POST" ? gate.withPermits(1)(pass) : pass)
      const first = yield* Effect.fork(run(Session.info))
      yield* Effect.yieldNow()
      const second = yield* Effect.fork(run(Session.info))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(first)
      yield* gate.release(1)
      assert.isTrue((yield* Fiber.join(second)).roles.includes("_admin"))
      assert.strictEqual(logins(yield* paths), 2)
    }))

  it.scoped("a login that fails for the moment fails those who waited for it, and only them", () =>
    Effect.gen(function*() {
      const down = yield* Ref.make(true)
      const { paths, run } = yield* server(
        session,
        (_, pass) =>
          Effect.flatMap(Ref.get(down), (down) =>
            down
              ? Effect.zipRight(Effect.yieldNow(), Effect.succeed(makeResponse(503, { error: "busy", reason: "x" })))
              : pass)
      )
      const results = yield* run(
        Effect.all(Array.from({ length: 20 }, () => Effect.either(Session.info)), { concurrency: "unbounded" })
      )
      assert.isTrue(results.every(Either.isLeft))
      assert.strictEqual(logins(yield* paths), 1)
      yield* Ref.set(down, false)
      assert.isTrue(Either.isRight(yield* Effect.either(run(Session.info))))
    }))

  it.scoped("is used while its renewal fails, until it expires", () =>
    Effect.gen(function*() {
      const down = yield* Ref.make(false)
      const { paths, run } = yield* server(session, (request, pass) =>
        Effect.flatMap(Ref.get(down), (down) =>
          down && request.method === "POST" ? Effect.succeed(makeResponse(503)) : pass))
      yield* run(Session.info)
      yield* Ref.set(down, true)
      yield* TestClock.adjust("550 seconds")
      assert.isTrue((yield* run(Session.info)).roles.includes("_admin"))
      assert.deepStrictEqual(yield* paths, ["POST /_session", "GET /_session", "POST /_session", "GET /_session"])
      yield* TestClock.adjust("700 seconds")
      assert.strictEqual((yield* Effect.flip(run(Session.info)))._tag, "UnexpectedResponseError")
    }))

  it.scoped("ends with a logout, and the next request begins another", () =>
    Effect.gen(function*() {
      const { paths, run } = yield* server(session)
      yield* run(Session.info)
      yield* run(Session.logout)
      yield* run(Session.info)
      assert.deepStrictEqual(yield* paths, [
        "POST /_session",
        "GET /_session",
        "DELETE /_session",
        "POST /_session",
        "GET /_session"
      ])
    }))

  it.scoped("a cookie of one's own goes as it is, and a session that one begins says how long it lasts", () =>
    Effect.gen(function*() {
      const { run } = yield* server(Auth.none)
      const begun = yield* run(Session.login("admin", password))
      assert.deepStrictEqual(begun.roles, ["_admin"])
      assert.strictEqual(begun.expires._tag === "Some" && begun.expires.value.epochMillis, 600_000)
      const who = yield* run(CouchHttp.withAuth(Session.info, Auth.cookie(begun.cookie)))
      assert.deepStrictEqual(who.roles, ["_admin"])
      yield* TestClock.adjust("11 minutes")
      const later = yield* run(CouchHttp.withAuth(Session.info, Auth.cookie(begun.cookie)))
      assert.deepStrictEqual(later.roles, [])
    }))

  it.scoped("withAuth keeps a session for each value", () =>
    Effect.gen(function*() {
      const { paths, run } = yield* server(Auth.none)
      yield* run(Effect.repeatN(CouchHttp.withAuth(Session.info, session), 4))
      assert.strictEqual(logins(yield* paths), 1)
    }))
})

/** A token as an identity provider makes them; its signature is checked nowhere here. */
const token = (claims: object) =>
  Redacted.make(
    `${Encoding.encodeBase64Url("{\"alg\":\"HS256\"}")}.${Encoding.encodeBase64Url(JSON.stringify(claims))}.c2ln`
  )

describe("a JSON Web Token", () => {
  /** Knows whoever brings a token that was given out last. */
  const guarded = (serial: Ref.Ref<number>): Between => (request) =>
    Effect.map(Ref.get(serial), (good) => {
      const given = request.headers["authorization"]?.replace("Bearer ", "").split(".")[1]
      const claims = Either.getOrElse(Encoding.decodeBase64UrlString(given ?? ""), () => "{}")
      const known = (JSON.parse(claims) as { readonly sub?: string }).sub === `user ${good}`
      return known
        ? makeResponse(200, { ok: true, userCtx: { name: "ada", roles: [] }, info: {} })
        : makeResponse(401, { error: "unauthorized", reason: "exp not in future" })
    })

  it.scoped("is asked for once, again before it is over, and again when it is refused", () =>
    Effect.gen(function*() {
      const serial = yield* Ref.make(0)
      const given = yield* Ref.make(0)
      const provider = Effect.gen(function*() {
        yield* Ref.update(given, (n) => n + 1)
        const now = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
        const n = yield* Ref.updateAndGet(serial, (n) => n + 1)
        return token({ sub: `user ${n}`, exp: now / 1000 + 100 })
      })
      const { run } = yield* server(Auth.jwt(provider), guarded(serial))
      const many = Effect.all(Array.from({ length: 10 }, () => Session.info), { concurrency: "unbounded" })
      yield* run(many)
      assert.strictEqual(yield* Ref.get(given), 1)
      yield* TestClock.adjust("89 seconds")
      yield* run(many)
      assert.strictEqual(yield* Ref.get(given), 1)
      yield* TestClock.adjust("1 seconds")
      yield* run(many)
      assert.strictEqual(yield* Ref.get(given), 2)
      // The server takes it back.
      yield* Ref.update(serial, (n) => n + 1)
      yield* run(many)
      assert.strictEqual(yield* Ref.get(given), 3)
    }))

  it.scoped("that CouchDB calls a wrong request, for its signature or its form, is asked for again once", () =>
    Effect.gen(function*() {
      for (const reason of ["Bad HMAC", "Bad signature", "Malformed token", "Unknown kid", "Missing exp claim"]) {
        const given = yield* Ref.make(0)
        const provider = Effect.map(Ref.updateAndGet(given, (n) => n + 1), (n) => token({ sub: `user ${n}` }))
        const good = yield* Ref.make(1)
        const { run } = yield* server(
          Auth.jwt(provider),
          (request, pass) =>
            Effect.map(
              guarded(good)(request, pass),
              (response) => response.status === 401 ? makeResponse(400, { error: "bad_request", reason }) : response
            )
        )
        yield* run(Session.info)
        // The key is another from now on.
        yield* Ref.set(good, 2)
        assert.deepStrictEqual((yield* run(Session.info)).name, Option.some("ada"))
        assert.strictEqual(yield* Ref.get(given), 2)
        yield* Ref.set(good, 2)
        const streamed = run(Effect.scoped(Effect.flatMap(
          CouchHttp.CouchHttp,
          (couch) => couch.stream({ method: "GET", path: "/_session", route: "/_session" })
        )))
        assert.strictEqual((yield* streamed).status, 200)
        yield* Ref.set(good, 3)
        assert.strictEqual((yield* streamed).status, 200)
        assert.strictEqual(yield* Ref.get(given), 3)
      }
    }))

  it.scoped("is kept where a request is wrong for another reason", () =>
    Effect.gen(function*() {
      const given = yield* Ref.make(0)
      const provider = Effect.as(Ref.update(given, (n) => n + 1), token({ sub: "user 1" }))
      const { paths, run } = yield* server(Auth.jwt(provider), () =>
        Effect.succeed(makeResponse(400, { error: "bad_request", reason: "invalid UTF-8 JSON" })))
      assert.strictEqual((yield* Effect.flip(run(Database.info("zoo"))))._tag, "BadRequestError")
      assert.strictEqual(yield* Ref.get(given), 1)
      assert.lengthOf(yield* paths, 1)
    }))

  it.scoped("that never helps is not asked for at every request", () =>
    Effect.gen(function*() {
      const given = yield* Ref.make(0)
      const provider = Effect.as(Ref.update(given, (n) => n + 1), token({ sub: "nobody" }))
      const { run } = yield* server(Auth.jwt(provider), guarded(yield* Ref.make(1)))
      for (let i = 0; i < 20; i++) assert.strictEqual((yield* Effect.flip(run(Session.info)))._tag, "UnauthorizedError")
      assert.strictEqual(yield* Ref.get(given), 2)
      yield* TestClock.adjust("5 minutes")
      yield* Effect.flip(run(Session.info))
      assert.strictEqual(yield* Ref.get(given), 3)
    }))

  it.scoped("whose effect fails is an error of its own, which does not show why", () =>
    Effect.gen(function*() {
      const { paths, run } = yield* server(Auth.jwt(Effect.fail(new Error("the refresh token abc123 was refused"))))
      const error = yield* Effect.flip(run(Session.info))
      assert.strictEqual(error._tag, "CredentialsError")
      assert.notInclude(error.message + inspect(error) + JSON.stringify(error), "abc123")
      assert.include(String(error._tag === "CredentialsError" && error.failure), "abc123")
      assert.deepStrictEqual(yield* paths, [])
    }))

  it.scoped("that cannot be sent is asked for again, since no server refuses it", () =>
    Effect.gen(function*() {
      const serial = yield* Ref.make(0)
      const provider = Effect.map(
        Ref.updateAndGet(serial, (n) => n + 1),
        (n) => n === 1 ? Redacted.make("<html>\nabc123\n</html>") : token({ sub: `user ${n}` })
      )
      const { paths, run } = yield* server(Auth.jwt(provider), guarded(serial))
      const error = yield* Effect.flip(run(Session.info))
      assert.strictEqual(error._tag, "CredentialsError")
      assert.notInclude(error.message + inspect(error) + JSON.stringify(error), "abc123")
      assert.deepStrictEqual(yield* paths, [])
      yield* run(Session.info)
    }))

  it.scoped("that stays goes as it is", () =>
    Effect.gen(function*() {
      const { asked, run } = yield* server(Auth.jwt(Redacted.make("a.b.c")), () => Effect.succeed(makeResponse(401)))
      yield* Effect.flip(run(Session.info))
      assert.deepStrictEqual((yield* Ref.get(asked)).map(({ headers }) => headers["authorization"]), ["Bearer a.b.c"])
    }))
})

describe("a proxied user", () => {
  const headers = (auth: Auth.Auth) =>
    Effect.gen(function*() {
      const { asked, run } = yield* server(auth)
      yield* Effect.ignore(run(Session.info))
      return (yield* Ref.get(asked))[0]?.headers ?? {}
    })

  it.scoped("is signed as CouchDB's documentation and openssl do it", () =>
    Effect.gen(function*() {
      const secret = Redacted.make("the_secret")
      const sha256 = yield* headers(Auth.proxy("foo", { roles: ["users", "blogger"], secret }))
      assert.strictEqual(sha256["x-auth-couchdb-username"], "foo")
      assert.strictEqual(sha256["x-auth-couchdb-roles"], "users,blogger")
      assert.strictEqual(
        sha256["x-auth-couchdb-token"],
        "3f0786e96b20b0102b77f1a49c041be6977cfb3bf78c41a12adc121cd9b4e68a"
      )
      const sha = yield* headers(Auth.proxy("foo", { secret, algorithm: "sha" }))
      assert.strictEqual(sha["x-auth-couchdb-token"], "22047ebd7c4ec67dfbcbad7213a693249dbfbf86")
      assert.isUndefined((yield* headers(Auth.proxy("foo")))["x-auth-couchdb-token"])
    }))

  it.scoped("keeps a name beyond ASCII as its UTF-8 bytes", () =>
    Effect.gen(function*() {
      const sent = (yield* headers(Auth.proxy("Zoë")))["x-auth-couchdb-username"] ?? ""
      assert.strictEqual(Buffer.from(sent, "latin1").toString("utf8"), "Zoë")
    }))
})

describe("nothing secret is shown", () => {
  const all = [
    Auth.basic("ada", password),
    session,
    Auth.cookie(Redacted.make("correct horse")),
    Auth.jwt(Redacted.make("correct horse")),
    Auth.jwt(Effect.succeed(Redacted.make("correct horse"))),
    Auth.proxy("ada", { secret: password })
  ]

  it("by a description", () => {
    for (const auth of all) {
      assert.notInclude(inspect(auth, { depth: 9 }) + JSON.stringify(auth) + String(auth), "horse")
    }
  })

  it.scoped("by errors, logs, spans and answers", () =>
    Effect.gen(function*() {
      const shown: Array<string> = []
      const tracer = Tracer.make({
        span: (name, parent, context, links, startTime, kind) => {
          const attributes = new Map<string, unknown>()
          return {
            _tag: "Span",
            spanId: "1",
            traceId: "1",
            name,
            parent,
            context,
            links,
            kind,
            sampled: true,
            attributes,
            status: { _tag: "Started", startTime },
            end: () => shown.push(inspect([name, attributes])),
            attribute: (key, value) => attributes.set(key, value),
            event: (name, _time, attributes) => shown.push(inspect([name, attributes])),
            addLinks: () => {}
          }
        },
        context: (f) => f()
      })
      const logger = Logger.make(({ cause, message }) => shown.push(inspect([cause, message], { depth: 9 })))
      for (const auth of all) {
        const { run } = yield* server(auth)
        const couch = yield* run(CouchHttp.CouchHttp)
        yield* Effect.gen(function*() {
          const response = yield* Effect.either(couch.execute({ method: "GET", path: "/_session", route: "/_session" }))
          shown.push(inspect(response, { depth: 9 }), JSON.stringify(response))
          const error = yield* Effect.flip(couch.execute({ method: "GET", path: "/nowhere", route: "/{db}" }))
          shown.push(error.message, inspect(error, { depth: 9 }), JSON.stringify(error))
          yield* Effect.log(error)
          yield* Effect.logError("failed", couch, auth)
        }).pipe(Effect.withTracer(tracer), Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
      }
      assert.isAbove(shown.length, 30)
      for (const text of shown) assert.notMatch(text, /horse|AuthSession=|Bearer|Basic /)
    }))
})
