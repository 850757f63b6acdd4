import { assert, describe, it } from "@effect/vitest"
import { Auth, Collection, CouchError, CouchHttp, Database, Document, Transport } from "effect-couchdb"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as Tracer from "effect/Tracer"
import { inspect } from "node:util"
import { interceptedClient, makeResponse, requests, transport } from "../support/transport.js"

const get: CouchHttp.CouchRequest = { method: "GET", path: "/zoo/x", route: "/{db}/{docid}", database: "zoo", id: "x" }

const execute = (request: CouchHttp.CouchRequest) =>
  Effect.flatMap(CouchHttp.CouchHttp, (couch) => couch.execute(request))

const always = (response: Transport.BufferedResponse) =>
  interceptedClient(() => Effect.succeed(response), { retry: "none" })

const broken = new CouchError.TransportError({ method: "GET", path: "/", reason: "Connection", description: "reset" })

const zoo = Collection.make("zoo", Schema.Struct({ n: Schema.Number }))

describe("a status becomes an error in one place", () => {
  const tags: ReadonlyArray<readonly [number, string, string]> = [
    [400, "BadRequestError", "bad_request"],
    [401, "UnauthorizedError", "unauthorized"],
    [403, "ForbiddenError", "forbidden"],
    [404, "NotFoundError", "not_found"],
    [405, "BadRequestError", "method_not_allowed"],
    [406, "BadRequestError", "not_acceptable"],
    [408, "ServerError", "timeout"],
    [409, "UpdateConflictError", "conflict"],
    [412, "PreconditionFailedError", "file_exists"],
    [413, "PayloadTooLargeError", "too_large"],
    [415, "UnsupportedMediaTypeError", "bad_content_type"],
    [416, "RangeNotSatisfiableError", "requested_range_not_satisfiable"],
    [417, "ExpectationFailedError", "expectation_failed"],
    [418, "BadRequestError", "teapot"],
    [425, "ServerError", "too_early"],
    [429, "TooManyRequestsError", "too_many_requests"],
    [500, "ServerError", "internal_server_error"],
    [502, "ServerError", "bad_gateway"]
  ]
  for (const [status, tag, error] of tags) {
    it.effect(`${status} with CouchDB's error and reason is a ${tag}`, () =>
      Effect.gen(function*() {
        const { layer } = yield* always(makeResponse(status, { error, reason: "r" }))
        const failure = yield* Effect.flip(execute(get)).pipe(Effect.provide(layer))
        assert.strictEqual(failure._tag, tag)
        assert.include(failure.message, "GET http://embedded/zoo/x")
        assert.include(failure.message, String(status))
        assert.include("reason" in failure ? failure.reason : "", "r")
      }))

    it.effect(`${status} of anything else is an UnexpectedResponseError`, () =>
      Effect.gen(function*() {
        for (
          const [body, problem] of [
            ["<html>Bad Gateway</html>", "not CouchDB's JSON"],
            ["", "no body"],
            ["[1]", "not CouchDB's JSON"],
            ["null", "not CouchDB's JSON"],
            ["{}", "not CouchDB's JSON"],
            [{ message: "no Route matched with those values" }, "not CouchDB's JSON"]
          ] as const
        ) {
          const { layer } = yield* always(
            makeResponse(status, body, { "content-type": "text/html", "server": "nginx" })
          )
          const failure = yield* Effect.flip(execute(get)).pipe(Effect.provide(layer))
          if (status === 429) {
            assert.strictEqual(failure._tag, "TooManyRequestsError")
            continue
          }
          assert.strictEqual(failure._tag, "UnexpectedResponseError")
          assert.include(failure.message, "GET http://embedded/zoo/x")
          assert.include(failure.message, `(${status}, text/html, Server: nginx)`)
          assert.include(failure.message, problem)
        }
      }))
  }

  it.effect("a redirect and an unasked 304 are UnexpectedResponseErrors", () =>
    Effect.gen(function*() {
      for (const status of [301, 302, 304, 307]) {
        const { layer } = yield* always(
          makeResponse(status, "", { location: "https://me:secret@login.example/in?token=1" })
        )
        const failure = yield* Effect.flip(execute(get)).pipe(Effect.provide(layer))
        assert.strictEqual(failure._tag === "UnexpectedResponseError" && failure.status, status)
        assert.include(failure.message, "redirected to https://login.example/in")
        assert.notMatch(inspect(failure) + JSON.stringify(failure), /secret|token/)
      }
    }))

  it.effect("a refused bulk request speaks through its first row", () =>
    Effect.gen(function*() {
      const rows = [{ ok: true, id: "a", rev: "1-a" }, { id: "b", error: "forbidden", reason: "no butterflies" }]
      const { layer } = yield* always(makeResponse(417, rows))
      const error = yield* Effect.flip(execute({ ...get, method: "POST" })).pipe(Effect.provide(layer))
      assert.strictEqual(error._tag === "ExpectationFailedError" && error.reason, "no butterflies")
    }))

  it.effect("a 304 that was asked for is an answer", () =>
    Effect.gen(function*() {
      const { layer } = yield* always(makeResponse(304))
      const response = yield* execute({ ...get, headers: { "if-none-match": `"1-a"` } }).pipe(Effect.provide(layer))
      assert.strictEqual(response.status, 304)
    }))

  it.effect("200 with something that is not a document is an UnexpectedResponseError, not a defect", () =>
    Effect.gen(function*() {
      for (const body of ["<html/>", "", "[]", "3", "null", `{"_id":"x"}`]) {
        const { layer } = yield* always(makeResponse(200, body))
        const error = yield* Effect.flip(Document.fetch(zoo, "x")).pipe(Effect.provide(layer))
        assert.strictEqual(error._tag, "UnexpectedResponseError")
        const write = yield* Effect.flip(Document.create(zoo, "x", { n: 1 })).pipe(Effect.provide(layer))
        assert.strictEqual(write._tag, "UnexpectedResponseError")
        const info = yield* Effect.flip(Database.info("zoo")).pipe(Effect.provide(layer))
        assert.strictEqual(info._tag, "UnexpectedResponseError")
      }
    }))

  it.effect("a stream's refusal is read and mapped as well", () =>
    Effect.gen(function*() {
      const { layer } = yield* always(makeResponse(404, { error: "not_found", reason: "missing" }))
      const error = yield* Effect.flip(Effect.flatMap(CouchHttp.CouchHttp, (couch) => couch.stream(get))).pipe(
        Effect.scoped,
        Effect.provide(layer)
      )
      assert.strictEqual(error._tag === "NotFoundError" && error.reason, "missing")
    }))
})

describe("what is sent", () => {
  it.effect("credentials in the URL are taken out of it, decoded, and shown nowhere", () =>
    Effect.gen(function*() {
      const on = yield* interceptedClient(
        (_, __, ___) => Effect.succeed(makeResponse(401, { error: "unauthorized", reason: "no" })),
        {
          url: "http://us%40er:ge%C3%A4heim@couch.example:1234/proxy/"
        }
      )
      const [error, [request]] = yield* requests(on, Effect.flip(execute(get)).pipe(Effect.provide(on.layer)))
      assert.strictEqual(request?.origin, "http://couch.example:1234")
      assert.strictEqual(request?.path, "/proxy/zoo/x")
      const sent = new TextDecoder().decode(
        Uint8Array.from(atob(request?.headers["authorization"]?.slice(6) ?? ""), (c) => c.charCodeAt(0))
      )
      assert.strictEqual(sent, "us@er:geäheim")
      assert.notInclude(error.message + JSON.stringify(error) + String(error), "heim")
      assert.notInclude(error.message + JSON.stringify(error) + String(error), btoa("us@er").slice(0, 6))
    }))

  it.effect("a percent sign in the URL's password stands for itself where it escapes nothing", () =>
    Effect.gen(function*() {
      for (
        const [written, meant] of [["100%25", "100%"], ["100%", "100%"], ["%zz%41", "%zzA"], ["%ff", "%ff"]] as const
      ) {
        const on = yield* interceptedClient(undefined, { url: `http://admin:${written}@embedded` })
        const [, [request]] = yield* requests(on, Effect.exit(Effect.provide(execute(get), on.layer)))
        assert.strictEqual(atob(request?.headers["authorization"]?.slice(6) ?? ""), `admin:${meant}`)
      }
    }))

  it.effect("auth wins over the URL, and withAuth over both, for one effect", () =>
    Effect.gen(function*() {
      const on = yield* interceptedClient(undefined, {
        url: "http://url:url@embedded",
        auth: Auth.basic("option", Redacted.make("option"))
      })
      const header = (effect: Effect.Effect<unknown, unknown, CouchHttp.CouchHttp>) =>
        Effect.map(
          requests(on, Effect.exit(Effect.provide(effect, on.layer))),
          ([, [request]]) => atob(request?.headers["authorization"]?.slice(6) ?? "")
        )
      assert.strictEqual(yield* header(execute(get)), "option:option")
      assert.strictEqual(
        yield* header(CouchHttp.withAuth(execute(get), Auth.basic("one", Redacted.make("effect")))),
        "one:effect"
      )
      assert.strictEqual(yield* header(execute(get).pipe(CouchHttp.withAuth(Auth.none))), "")
    }))

  it.effect("the configuration comes from the environment", () =>
    Effect.gen(function*() {
      const seen = yield* Ref.make<ReadonlyArray<Transport.TransportRequest>>([])
      const spy = Layer.succeed(
        Transport.Transport,
        transport((request) => Effect.as(Ref.update(seen, (all) => [...all, request]), makeResponse(200, "{}")))
      )
      const ask = (environment: ReadonlyArray<readonly [string, string]>) =>
        execute(get).pipe(
          Effect.provide(CouchHttp.layerConfig().pipe(Layer.provide(spy))),
          Effect.withConfigProvider(ConfigProvider.fromMap(new Map(environment)))
        )
      yield* ask([])
      yield* ask([["COUCHDB_URL", "https://couch.example"], ["COUCHDB_USER", "ada"], ["COUCHDB_PASSWORD", "secret"]])
      const [first, second] = yield* Ref.get(seen)
      assert.strictEqual(first?.origin, "http://127.0.0.1:5984")
      assert.isUndefined(first?.headers["authorization"])
      assert.strictEqual(second?.origin, "https://couch.example")
      assert.strictEqual(second?.headers["authorization"], `Basic ${btoa("ada:secret")}`)
      for (const bad of ["no url", "ftp://x", "http://admin:geheim@:99999"]) {
        const error = yield* Effect.flip(ask([["COUCHDB_URL", bad]]))
        assert.include(String(error), "COUCHDB_URL")
        assert.notInclude(inspect(error, { depth: 9 }) + JSON.stringify(error), "geheim")
      }
    }))

  it.effect("an invalid URL fails every request before it is sent", () =>
    Effect.gen(function*() {
      for (const url of ["", "couch", "ftp://x", "127.0.0.1:5984"]) {
        const on = yield* interceptedClient(undefined, { url })
        const [error, sent] = yield* requests(on, Effect.flip(Document.fetch(zoo, "x")).pipe(Effect.provide(on.layer)))
        assert.strictEqual(error._tag === "TransportError" && error.reason, "InvalidUrl")
        assert.lengthOf(sent, 0)
      }
    }))
})

describe("retries and the deadline", () => {
  const failing = (times: number, failure: Effect.Effect<Transport.BufferedResponse, CouchError.TransportError>) =>
    interceptedClient((request, number, pass) => number <= times ? failure : pass(request))

  it.effect("a read is repeated after a broken connection and after 503, with the clock of the test", () =>
    Effect.gen(function*() {
      for (
        const failure of [Effect.fail(broken), Effect.succeed(makeResponse(503)), Effect.succeed(makeResponse(502))]
      ) {
        const on = yield* failing(3, failure)
        const fiber = yield* Effect.fork(execute({ ...get, path: "/" }).pipe(Effect.provide(on.layer)))
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual((yield* Fiber.join(fiber)).status, 200)
        assert.lengthOf(yield* Ref.get(on.sent), 4)
      }
    }))

  it.effect("it gives up after four more tries, with the last error", () =>
    Effect.gen(function*() {
      const on = yield* failing(99, Effect.succeed(makeResponse(503, { error: "down", reason: "maintenance" })))
      const fiber = yield* Effect.fork(Effect.flip(execute(get).pipe(Effect.provide(on.layer))))
      yield* TestClock.adjust("30 seconds")
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(error._tag === "ServerError" && error.reason, "maintenance")
      assert.lengthOf(yield* Ref.get(on.sent), 5)
    }))

  it.effect("429 waits at least as long as Retry-After says", () =>
    Effect.gen(function*() {
      const on = yield* failing(
        1,
        Effect.succeed(makeResponse(429, { error: "slow", reason: "down" }, { "retry-after": "20" }))
      )
      const fiber = yield* Effect.fork(execute({ ...get, path: "/" }).pipe(Effect.provide(on.layer)))
      yield* TestClock.adjust("19 seconds")
      assert.lengthOf(yield* Ref.get(on.sent), 1)
      yield* TestClock.adjust("1 seconds")
      assert.strictEqual((yield* Fiber.join(fiber)).status, 200)
    }))

  it.effect("a wait beyond the deadline is not begun", () =>
    Effect.gen(function*() {
      const on = yield* failing(9, Effect.succeed(makeResponse(429, "", { "retry-after": "3600" })))
      const error = yield* Effect.flip(execute(get)).pipe(Effect.provide(on.layer))
      assert.strictEqual(error._tag, "TooManyRequestsError")
    }))

  it.effect("a stream whose headers do not come meets the deadline too", () =>
    Effect.gen(function*() {
      const on = yield* interceptedClient(() => Effect.never)
      const fiber = yield* Effect.fork(
        Effect.flip(Effect.flatMap(CouchHttp.CouchHttp, (couch) => couch.stream(get))).pipe(
          Effect.scoped,
          Effect.provide(on.layer)
        )
      )
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "TimeoutError")
    }))

  it.effect("what Retry-After says is in the error", () =>
    Effect.gen(function*() {
      const { layer } = yield* always(makeResponse(429, "", { "retry-after": "7" }))
      const error = yield* Effect.flip(execute(get)).pipe(Effect.provide(layer))
      assert.deepStrictEqual(
        error._tag === "TooManyRequestsError" ? Option.map(error.retryAfter, Duration.toSeconds) : undefined,
        Option.some(7)
      )
    }))

  it.effect("500, 404 and a POST that writes are not repeated; a POST that reads is", () =>
    Effect.gen(function*() {
      const asked = (request: CouchHttp.CouchRequest, response: Transport.BufferedResponse) =>
        Effect.gen(function*() {
          const on = yield* failing(1, Effect.succeed(response))
          const fiber = yield* Effect.fork(Effect.exit(execute(request).pipe(Effect.provide(on.layer))))
          yield* TestClock.adjust("1 minute")
          yield* Fiber.join(fiber)
          return (yield* Ref.get(on.sent)).length
        })
      assert.strictEqual(yield* asked(get, makeResponse(500, { error: "unknown_error", reason: "badmatch" })), 1)
      assert.strictEqual(yield* asked(get, makeResponse(404, { error: "not_found", reason: "missing" })), 1)
      assert.strictEqual(yield* asked({ ...get, method: "POST" }, makeResponse(503)), 1)
      assert.strictEqual(yield* asked({ ...get, method: "POST", idempotent: true }, makeResponse(503)), 2)
      assert.strictEqual(yield* asked({ ...get, method: "HEAD" }, makeResponse(503)), 2)
    }))

  it.effect("one deadline bounds the call, its retries included", () =>
    Effect.gen(function*() {
      const on = yield* interceptedClient(() => Effect.fail(broken), {
        timeout: "5 seconds",
        retry: Schedule.spaced("2 seconds")
      })
      const fiber = yield* Effect.fork(Effect.flip(execute(get).pipe(Effect.provide(on.layer))))
      yield* TestClock.adjust("5 seconds")
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(error._tag === "TimeoutError" && error.milliseconds, 5000)
      assert.lengthOf(yield* Ref.get(on.sent), 3)
    }))

  it.effect("a deadline above 2^31-1 ms is infinite, also for a transport that enforces deadlines", () =>
    Effect.gen(function*() {
      for (const [timeout, deadline] of [["24 days", 24 * 86_400_000], ["25 days", undefined]] as const) {
        const asked: Array<number | undefined> = []
        const service: Transport.Service = {
          ...transport((request) => Effect.sync(() => (asked.push(request.deadline), makeResponse(200, {})))),
          keepsDeadlines: true
        }
        const couch = yield* Effect.scoped(CouchHttp.make({ url: "http://couch", timeout })).pipe(
          Effect.provideService(Transport.Transport, service)
        )
        yield* couch.execute(get)
        assert.deepStrictEqual(asked, [deadline])
      }
    }))

  it.effect("a silent server meets the deadline of a minute; nothing is left running", () =>
    Effect.gen(function*() {
      const interrupted = yield* Ref.make(0)
      const on = yield* interceptedClient(() =>
        Effect.never.pipe(Effect.onInterrupt(() => Ref.update(interrupted, (n) => n + 1)))
      )
      const fiber = yield* Effect.fork(Effect.flip(Document.create(zoo, "x", { n: 1 }).pipe(Effect.provide(on.layer))))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "TimeoutError")
      assert.strictEqual(yield* Ref.get(interrupted), 1)
    }))
})

describe("spans", () => {
  it.effect("are named as OpenTelemetry says, and carry the trace to the server", () =>
    Effect.gen(function*() {
      const spans: Array<Tracer.Span> = []
      const silent = yield* Effect.tracer
      const tracer = Tracer.make({
        span: (...args) => {
          const span = silent.span(...args)
          spans.push(span)
          return span
        },
        context: (f) => f()
      })
      const on = yield* interceptedClient()
      const [, sent] = yield* requests(
        on,
        Effect.exit(Document.fetch(zoo, "x")).pipe(Effect.provide(on.layer), Effect.withTracer(tracer))
      )
      assert.deepStrictEqual(spans.map(({ name }) => name), ["GET /{db}/{docid} zoo"])
      assert.deepInclude(Object.fromEntries(spans[0]?.attributes ?? []), {
        "db.system.name": "couchdb",
        "db.namespace": "zoo",
        "db.operation.name": "GET /{db}/{docid}",
        "db.response.status_code": "404",
        "error.type": "404",
        "server.address": "embedded",
        "server.port": 80
      })
      assert.include(sent[0]?.headers["traceparent"] ?? "", spans[0]?.spanId ?? "no span")
    }))

  it.effect("do not exist where nobody listens", () =>
    Effect.gen(function*() {
      const on = yield* interceptedClient()
      const [, sent] = yield* requests(on, Effect.exit(Document.fetch(zoo, "x")).pipe(Effect.provide(on.layer)))
      assert.isUndefined(sent[0]?.headers["traceparent"])
    }))
})

describe("a stream", () => {
  /** Answers from a list, the last for good, and counts the streams that hold a connection. */
  const holding = (answers: ReadonlyArray<ReturnType<Transport.Service["stream"]>>) => {
    const held = { now: 0, asked: 0 }
    const service: Transport.Service = {
      request: () => Effect.die("nobody asks"),
      stream: () =>
        Effect.zipRight(
          Effect.acquireRelease(
            Effect.sync(() => held.now++),
            () => Effect.sync(() => held.now--)
          ),
          Effect.suspend(() => answers[Math.min(held.asked++, answers.length - 1)] ?? Effect.never)
        )
    }
    const couch = CouchHttp.make({ url: "http://couch" }).pipe(Effect.provideService(Transport.Transport, service))
    return { held, couch }
  }
  const notFound = new TextEncoder().encode("{\"error\":\"not_found\",\"reason\":\"missing\"}")
  const streamed = (status: number, body: Transport.StreamedResponse["body"] = Stream.make(notFound)) =>
    Effect.succeed({ status, headers: {}, body })

  it.scoped("holds one connection, whatever failed before it was there", () =>
    Effect.gen(function*() {
      const { couch, held } = holding([streamed(503), Effect.fail(broken), streamed(503), streamed(200)])
      const fiber = yield* Effect.fork(Effect.flatMap(couch, (couch) => couch.stream(get)))
      yield* TestClock.adjust("10 seconds")
      yield* fiber
      assert.deepStrictEqual(held, { now: 1, asked: 4 })
    }))

  it.scoped("that is refused holds none, and none that meets its deadline or is interrupted", () =>
    Effect.gen(function*() {
      for (const open of [streamed(404), Effect.never, streamed(404, Stream.never)]) {
        for (const end of [TestClock.adjust("1 minute"), Effect.void]) {
          const { couch, held } = holding([open])
          const service = yield* couch
          const scope = yield* Effect.scope
          const fiber = yield* Effect.fork(Effect.provideService(service.stream(get), Scope.Scope, scope))
          yield* TestClock.adjust("1 second")
          yield* end
          yield* Fiber.interrupt(fiber)
          assert.deepStrictEqual(held, { now: 0, asked: 1 })
        }
      }
    }))

  it.effect("gives the body as it comes", () =>
    Effect.gen(function*() {
      const { layer } = yield* interceptedClient()
      const text = yield* Effect.flatMap(
        CouchHttp.CouchHttp,
        (couch) => couch.stream({ method: "GET", path: "/", route: "/" })
      ).pipe(
        Effect.flatMap(({ body }) => Stream.mkString(Stream.decodeText(body))),
        Effect.scoped,
        Effect.provide(layer)
      )
      assert.include(text, "Welcome")
    }))
})
