import { assert, it } from "@effect/vitest"
import { Changes, Collection, type CouchError, Database, Document } from "effect-couchdb"
import * as Serve from "effect-couchdb-embedded/Serve"
import { NodeCouchHttp, NodeTransport } from "effect-couchdb-node"
import * as CouchHttp from "effect-couchdb/CouchHttp"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { identity } from "effect/Function"
import * as HashMap from "effect/HashMap"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import * as Net from "node:net"
import { serve } from "../../../couchdb/test/contract/httpServer.js"
import { sample } from "../../../couchdb/test/support/deep.js"

const zoo = Collection.make("zoo", Schema.Struct({ n: Schema.Number }))

/** A port in front of a server that counts the sockets to it. */
const counting = (url: string) =>
  Effect.gen(function*() {
    const sockets = new Set<Net.Socket>()
    let most = 0
    const server = Net.createServer((client) => {
      const upstream = Net.connect(Number(new URL(url).port), "127.0.0.1")
      sockets.add(client)
      most = Math.max(most, sockets.size)
      client.pipe(upstream).pipe(client)
      client.on("error", () => upstream.destroy())
      upstream.on("error", () => client.destroy())
      client.on("close", () => {
        sockets.delete(client)
        upstream.destroy()
      })
    })
    yield* Effect.acquireRelease(
      Effect.async<void>((resume) => {
        server.listen(0, "127.0.0.1", () => resume(Effect.void))
      }),
      () =>
        Effect.async<void>((resume) => {
          server.close(() => resume(Effect.void))
          for (const socket of sockets) socket.destroy()
        })
    )
    return { url: `http://127.0.0.1:${(server.address() as Net.AddressInfo).port}`, most: () => most }
  })

/** More followers than the connections of the pool for requests. */
const howMany = { followers: sample(80, 200), requests: sample(300, 1_000) }

const followersAndRequests = Effect.gen(function*() {
  const { url } = yield* Serve.serve({ quiet: true })
  const proxy = yield* counting(url)
  yield* Effect.gen(function*() {
    yield* Database.create("zoo")
    yield* Document.create(zoo, "first", { n: 0 })
    const connected = yield* Effect.forEach(Array.from({ length: howMany.followers }), () => Deferred.make<void>())
    const followers = yield* Effect.forEach(connected, (deferred) =>
      Effect.fork(
        Changes.follow("zoo").pipe(
          Stream.tap((change) =>
            change._tag === "Changed" && change.id === "first" ? Deferred.succeed(deferred, undefined) : Effect.void
          ),
          Stream.takeUntil((change) => change._tag === "Changed" && change.id === "last"),
          Stream.runCount
        )
      ))
    yield* Effect.forEach(connected, Deferred.await, { discard: true })
    const request = (n: number): Effect.Effect<unknown, CouchError.CouchError, CouchHttp.CouchHttp> =>
      n % 100 === 0 ? Document.create(zoo, `doc-${n}`, { n }) : Document.fetch(zoo, "first")
    yield* Effect.forEach(Array.from({ length: howMany.requests }, (_, n) => request(n)), (request) => request, {
      concurrency: "unbounded",
      discard: true
    })
    yield* Document.create(zoo, "last", { n: 1 })
    const seen = yield* Effect.forEach(followers, Fiber.join)
    // A change at a boundary of the feed may be emitted twice.
    assert.isAtLeast(Math.min(...seen), 2 + howMany.requests / 100)
  }).pipe(Effect.provide(NodeCouchHttp.layer({ url: proxy.url })))
  assert.isAtMost(proxy.most(), 64 + 256)
})

const test = "many followers leave the connections for requests, and see every change"
it.scopedLive(test, () => followersAndRequests)

/** A server whose responses at `/feed` and `/stream` begin, and never end. */
const endless = Effect.gen(function*() {
  const asked: Array<string> = []
  const server = yield* serve((incoming, response) => {
    asked.push(`${incoming.method} ${incoming.url}`)
    response.writeHead(200, { "content-type": "application/json", server: "CouchDB/3.5.0" })
    if (/stream|feed/.test(incoming.url ?? "")) response.write("\n")
    else response.end("{}")
  })
  return { url: server.url, asked, opened: server.opened }
})

const open = (couch: CouchHttp.Service, path: string, kind?: "feed", timeout?: Duration.DurationInput) =>
  couch.stream({ method: "GET", path, route: "/{db}", kind, timeout })

const listening = Tracer.make({
  span: (...[name, parent, context, links, startTime, kind]) =>
    ({
      _tag: "Span",
      name,
      parent,
      context,
      links,
      kind,
      spanId: "1",
      traceId: "1",
      sampled: false,
      status: { _tag: "Started", startTime },
      attributes: new Map(),
      end: () => undefined,
      attribute: () => undefined,
      event: () => undefined,
      addLinks: () => undefined
    }) satisfies Tracer.Span,
  context: (f) => f()
})

const exhausted = (error: { readonly _tag: string; readonly reason?: string; readonly message: string }) => {
  assert.deepStrictEqual([error._tag, error.reason], ["TransportError", "PoolExhausted"])
  assert.include(error.message, "every connection of the pool was in use")
  assert.include(error.message, "Nothing was sent.")
}

for (
  const [name, within] of [["", identity], [", traced", Effect.withTracer(listening)]] as ReadonlyArray<
    readonly [string, <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>]
  >
) {
  it.scopedLive(`a full pool is PoolExhausted for reads, writes, streams and feeds, and sends nothing${name}`, () =>
    Effect.gen(function*() {
      const server = yield* endless
      const couch = yield* CouchHttp.make({ url: server.url, timeout: "50 millis" })
      yield* open(couch, "/stream", undefined, "1 minute")
      yield* open(couch, "/feed", "feed", "1 minute")
      assert.lengthOf(server.asked, 2)
      exhausted(yield* Effect.flip(couch.execute({ method: "GET", path: "/zoo", route: "/{db}" })))
      exhausted(yield* Effect.flip(couch.execute({ method: "PUT", path: "/zoo", route: "/{db}" })))
      exhausted(
        yield* Effect.flip(couch.execute({ method: "GET", path: "/zoo", route: "/{db}", timeout: "50 millis" }))
      )
      exhausted(yield* Effect.flip(Effect.scoped(open(couch, "/stream"))))
      exhausted(yield* Effect.flip(Effect.scoped(open(couch, "/feed", "feed"))))
      const on = Effect.provideService(CouchHttp.CouchHttp, couch)
      exhausted(yield* Effect.flip(on(Document.fetch(zoo, "a"))))
      exhausted(yield* Effect.flip(on(Document.create(zoo, "a", { n: 1 }))))
      assert.lengthOf(server.asked, 2)
      assert.strictEqual(server.opened(), 2)
    }).pipe(
      Effect.provide(NodeTransport.layer({ connections: 1, feedConnections: 1 })),
      within
    ))
}

it.scopedLive("a request with a connection and without a response is still a TimeoutError", () =>
  Effect.gen(function*() {
    const server = yield* serve(() => undefined)
    const couch = yield* CouchHttp.make({ url: server.url, retry: "none" })
    const ask = { method: "GET", path: "/zoo", route: "/{db}" } as const
    // A busy machine may take longer than the timeout to connect.
    const failure = (call: (timeout: number) => Effect.Effect<unknown, CouchError.CouchError>, timeout = 50) =>
      Effect.iterate({ tag: "TransportError", timeout }, {
        while: ({ tag, timeout }) => tag === "TransportError" && timeout < 60_000,
        body: ({ timeout }) =>
          Effect.map(Effect.flip(call(timeout)), ({ _tag }) => ({ tag: _tag as string, timeout: 2 * timeout }))
      }).pipe(Effect.map(({ tag }) => tag))
    assert.strictEqual(yield* failure((timeout) => couch.execute({ ...ask, timeout })), "TimeoutError")
    assert.strictEqual(yield* failure((timeout) => Effect.scoped(couch.stream({ ...ask, timeout }))), "TimeoutError")
    assert.strictEqual(
      yield* failure((timeout) => Effect.scoped(couch.stream({ ...ask, kind: "feed", timeout }))),
      "TimeoutError"
    )
  }).pipe(Effect.provide(NodeTransport.layer({ connections: 2 }))))

it.scopedLive("a feed beyond the limit waits with one warning, and starts when another feed is closed", () =>
  Effect.gen(function*() {
    const server = yield* endless
    const couch = yield* CouchHttp.make({ url: server.url })
    const first = yield* Scope.make()
    yield* Scope.extend(open(couch, "/feed", "feed"), first)
    const warnings: Array<string> = []
    const logged = yield* Deferred.make<void>()
    const logger = Logger.make(({ annotations, logLevel, message }) => {
      warnings.push(
        `${logLevel.label} ${String(message)} ${String(Option.getOrNull(HashMap.get(annotations, "server")))}`
      )
      Deferred.unsafeDone(logged, Effect.void)
    })
    const others = yield* Effect.forEach([1, 2], () => Effect.fork(Effect.scoped(open(couch, "/feed", "feed"))), {
      concurrency: 1
    }).pipe(
      Effect.provide(Logger.replace(Logger.defaultLogger, logger))
    )
    yield* Deferred.await(logged)
    yield* Scope.close(first, Exit.void)
    yield* Effect.forEach(others, Fiber.join)
    assert.strictEqual(server.asked.length, 3)
    assert.lengthOf(warnings, 1)
    assert.match(
      warnings[0] ?? "",
      /^WARN a feed waits for a connection: all 1 connections .* http:\/\/127\.0\.0\.1:\d+$/
    )
  }).pipe(Effect.provide(NodeTransport.layer({ feedConnections: 1 }))))

it.scopedLive("unread streams leave a quarter of the connections for requests", () =>
  Effect.gen(function*() {
    const server = yield* endless
    const couch = yield* CouchHttp.make({ url: server.url })
    yield* Effect.forEach([1, 2, 3], () => open(couch, "/stream"))
    const fourth = yield* Effect.fork(Effect.scoped(open(couch, "/stream", undefined, "50 millis")))
    yield* Effect.forEach([1, 2, 3, 4, 5], () => couch.execute({ method: "GET", path: "/zoo", route: "/{db}" }))
    exhausted(yield* Effect.flip(Fiber.join(fourth)))
  }).pipe(Effect.provide(NodeTransport.layer({ connections: 4 }))))

it.scopedLive("a stream that is interrupted while it waits releases its share", () =>
  Effect.gen(function*() {
    const server = yield* endless
    const couch = yield* CouchHttp.make({ url: server.url })
    const ask = { method: "GET", path: "/zoo", route: "/{db}" } as const
    for (let steps = 0; steps < 40; steps++) {
      const scope = yield* Scope.make()
      yield* Scope.extend(open(couch, "/stream"), scope)
      const waiting = yield* Effect.fork(Effect.scoped(open(couch, "/stream")))
      yield* Effect.repeatN(Effect.yieldNow(), steps)
      yield* Effect.zip(Fiber.interrupt(waiting), Scope.close(scope, Exit.void), { concurrent: true })
    }
    assert.strictEqual((yield* couch.execute(ask)).status, 200)
    assert.strictEqual((yield* Effect.scoped(open(couch, "/stream"))).status, 200)
  }).pipe(Effect.provide(NodeTransport.layer({ connections: 1 }))))
