import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Http from "node:http"
import * as EmbeddedCouch from "../../src/engine/EmbeddedCouch.js"
import * as Serve from "../../src/httpServer/Serve.js"

interface Answer {
  readonly status: number
  readonly headers: Http.IncomingHttpHeaders
  readonly text: string
}

/** Sends a raw request, which `fetch` would change or reject. */
const raw = (port: number, options: Http.RequestOptions, body?: string) =>
  Effect.tryPromise(() =>
    new Promise<Answer>((resolve, reject) => {
      const request = Http.request({ host: "127.0.0.1", port, ...options }, (response) => {
        let text = ""
        response.setEncoding("utf8").on("data", (chunk) => text += chunk)
        response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }))
        response.on("error", reject)
      })
      request.on("error", reject).end(body)
    })
  )

const json = (url: string, init?: RequestInit) =>
  Effect.tryPromise(async () => {
    const response = await fetch(url, init)
    return { status: response.status, body: await response.json() }
  })

const served = Serve.serve({ quiet: true })

describe("Serve", () => {
  it.scopedLive("speaks HTTP on a free port of this machine", () =>
    Effect.gen(function*() {
      const { port, url } = yield* served
      expect(url).toBe(`http://127.0.0.1:${port}`)
      expect((yield* json(`${url}/db`, { method: "PUT" })).body).toEqual({ ok: true })
      expect((yield* json(`${url}/db/a%2Fb`, { method: "PUT", body: "{\"v\":1}" })).status).toBe(201)
      expect((yield* json(`${url}/db/a%2Fb`)).body).toMatchObject({ _id: "a/b", v: 1 })
      const copied = yield* raw(port, { method: "COPY", path: "/db/a%2Fb", headers: { destination: "c" } })
      expect([copied.status, copied.headers.location]).toEqual([201, `${url}/db/c`])
      const head = yield* raw(port, { method: "HEAD", path: "/db/c" })
      expect([head.status, head.text, head.headers["x-couchdb-body-time"]]).toEqual([200, "", "0"])
      expect(head.headers["access-control-allow-origin"]).toBeUndefined()
    }))

  it.scopedLive("accepts loopback names only", () =>
    Effect.gen(function*() {
      const { port } = yield* served
      const statuses: Array<number> = []
      for (const host of ["localhost", `127.0.0.1:${port}`, "[::1]:80", "evil.example", "127.0.0.1.evil.example"]) {
        statuses.push((yield* raw(port, { path: "/", headers: { host } })).status)
      }
      expect(statuses).toEqual([200, 200, 200, 400, 400])
    }))

  it.scopedLive("rejects bodies beyond its limit", () =>
    Effect.gen(function*() {
      const { url } = yield* Serve.serve({ quiet: true, maxBodyBytes: 1000 })
      yield* json(`${url}/db`, { method: "PUT" })
      const reply = yield* json(`${url}/db/x`, { method: "PUT", body: "x".repeat(100_000) })
      expect(reply).toEqual({
        status: 413,
        body: { error: "too_large", reason: "the request entity is too large" }
      })
    }))

  it.scopedLive("survives clients that disconnect during a request", () =>
    Effect.gen(function*() {
      const { port, url } = yield* served
      yield* json(`${url}/db`, { method: "PUT" })
      for (let i = 0; i < 20; i++) {
        yield* Effect.async<void>((resume) => {
          const request = Http.request({
            host: "127.0.0.1",
            port,
            method: "PUT",
            path: `/db/x${i}`,
            headers: { "content-length": "1000" }
          })
          request.on("error", () => resume(Effect.void))
          request.write("{\"half\":")
          setTimeout(() => request.destroy(), i)
        })
      }
      expect((yield* json(`${url}/db`)).body).toMatchObject({ doc_count: 0 })
      expect((yield* json(`${url}/db/x`, { method: "PUT", body: "{}" })).status).toBe(201)
    }))

  /** An engine that responds with this stream, with the number of read chunks and whether it ended. */
  const streaming = Effect.gen(function*() {
    const counts = { pieces: 0, open: 0 }
    const couch = yield* EmbeddedCouch.make()
    const piece = new Uint8Array(65_536)
    const body = Stream.repeatEffect(Effect.sync(() => {
      counts.pieces++
      return piece
    }))
    const stream: EmbeddedCouch.Service["stream"] = () =>
      Effect.as(
        Effect.acquireRelease(Effect.sync(() => counts.open++), () => Effect.sync(() => counts.open--)),
        { status: 200, headers: { "transfer-encoding": "chunked" }, body }
      )
    return { counts, couch: { ...couch, stream } }
  })

  const turns = Effect.repeatN(
    Effect.async<void>((resume) => {
      setImmediate(() => resume(Effect.void))
    }),
    300
  )

  it.scopedLive("reads a feed no faster than the client, and ends it when the client disconnects", () =>
    Effect.gen(function*() {
      const { counts, couch } = yield* streaming
      const { port } = yield* Serve.serve({ quiet: true, couch })
      const request = Http.request({ host: "127.0.0.1", port, path: "/" })
      const response = yield* Effect.async<Http.IncomingMessage>((resume) => {
        request.on("response", (message) => resume(Effect.succeed(message))).end()
      })
      response.on("error", () => {})
      const before = yield* Effect.iterate(-1, {
        while: (pieces) => pieces < 1 || pieces !== counts.pieces,
        body: () => Effect.zipLeft(Effect.sync(() => counts.pieces), turns)
      })
      expect(counts).toEqual({ pieces: before, open: 1 })
      request.destroy()
      yield* Effect.repeat(Effect.zipRight(turns, Effect.sync(() => counts.open)), { until: (open) => open === 0 })
      expect(counts.pieces).toBeLessThan(before + 100)
    }))

  it.scopedLive("sends the lines of a feed as they happen", () =>
    Effect.gen(function*() {
      const { url } = yield* served
      yield* json(`${url}/db`, { method: "PUT" })
      const response = yield* Effect.tryPromise(() => fetch(`${url}/db/_changes?feed=continuous&heartbeat=60000`))
      const reader = response.body?.getReader()
      const next = Effect.tryPromise(async () => new TextDecoder().decode((await reader?.read())?.value))
      expect(yield* next).toBe("\n")
      yield* json(`${url}/db/a`, { method: "PUT", body: "{}" })
      const told = yield* Effect.iterate("", {
        while: (text) => !text.includes("\"id\":\"a\""),
        body: (text) => Effect.map(next, (more) => text + more)
      })
      expect(told).toMatch(/^\n\{"seq":/)
      yield* Effect.promise(async () => reader?.cancel())
    }))

  it.live("stops when its scope closes, and closes idle connections", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { port, url } = yield* Scope.extend(served, scope)
      const agent = new Http.Agent({ keepAlive: true })
      yield* raw(port, { path: "/", agent })
      yield* Scope.close(scope, Exit.void).pipe(Effect.timeout("5 seconds"))
      expect(Exit.isFailure(yield* Effect.exit(json(url)))).toBe(true)
      agent.destroy()
    }))

  it.scopedLive("names the port that is in use", () =>
    Effect.gen(function*() {
      const { port } = yield* served
      const error = yield* Effect.flip(Serve.serve({ quiet: true, port }))
      expect(error).toMatchObject({ _tag: "ServeError", port })
      expect(error.message).toContain(`cannot listen on 127.0.0.1:${port}`)
    }))

  it.live("is available as a layer, optionally over an existing engine", () =>
    Effect.gen(function*() {
      const { couch, url } = yield* Serve.Server
      yield* couch.handler({ method: "PUT", origin: "http://embedded", path: "/db", headers: {} })
      expect((yield* json(`${url}/_all_dbs`)).body).toEqual(["db"])
    }).pipe(Effect.provide(Serve.layer({ quiet: true }))))
})
