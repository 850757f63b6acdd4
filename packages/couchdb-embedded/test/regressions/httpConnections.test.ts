import { describe, expect, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Channels from "node:diagnostics_channel"
import * as Net from "node:net"
import * as EmbeddedCouch from "../../src/engine/EmbeddedCouch.js"
import * as NodeServer from "../../src/httpServer/nodeServer.js"
import * as Serve from "../../src/httpServer/Serve.js"
import type { Timeouts } from "../../src/httpServer/timeouts.js"

/** A connection to a server, and all received data. */
const connect = (port: number) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.async<Net.Socket, Error>((resume) => {
        const socket = Net.connect({ port, host: "127.0.0.1", noDelay: true })
        socket.once("error", (error) => resume(Effect.fail(error)))
        socket.once("connect", () => resume(Effect.succeed(socket)))
      }),
      (socket) => Effect.sync(() => socket.destroy())
    ),
    (socket) => {
      let text = ""
      let end: "open" | "ended" | Error = "open"
      const watchers = new Set<() => void>()
      const wake = (): void => watchers.forEach((watcher) => watcher())
      socket.setEncoding("latin1").on("data", (more: string) => {
        text += more
        wake()
      })
      socket.on("end", () => {
        if (end === "open") end = "ended"
        wake()
      })
      socket.on("error", (error) => {
        end = error
        wake()
      })
      const until = <A>(find: () => A | undefined): Effect.Effect<A, string> =>
        Effect.async<A, string>((resume) => {
          const look = (): void => {
            const found = find()
            if (found === undefined && end === "open") return
            watchers.delete(look)
            resume(found === undefined ? Effect.fail(`${end}: ${text}`) : Effect.succeed(found))
          }
          watchers.add(look)
          look()
        })
      return {
        socket,
        /** Waits for a response with a known body length, and removes it from the data. */
        answer: until(() => {
          const found = /^HTTP\/1\.1 (\d+)[^]*?\r\n\r\n/.exec(text)
          const length = Number(/content-length: (\d+)/i.exec(found?.[0] ?? "")?.[1])
          if (found === null || text.length < found[0].length + length) return undefined
          text = text.slice(found[0].length + length)
          return { status: Number(found[1]), head: found[0] }
        }),
        /** Waits until the server has sent something. */
        heard: (words: string) => until(() => text.includes(words) ? true : undefined),
        /** Waits until the server has closed the connection. Returns how. */
        closed: until(() => end === "open" ? undefined : end),
        send: (bytes: string | Uint8Array) =>
          Effect.async<void>((resume) => {
            socket.write(bytes, () => resume(Effect.void))
          })
      }
    }
  )

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`

const put = (path: string, length: number, more = ""): string =>
  `PUT ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}\r\n${more}\r\n`

interface Started {
  readonly socket: Net.Socket
}

/** The server-side sockets that received requests. */
const serverSockets = Effect.gen(function*() {
  const sockets: Array<Net.Socket> = []
  const note = (message: unknown): void => {
    sockets.push((message as Started).socket)
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => Channels.subscribe("http.server.request.start", note)),
    () => Effect.sync(() => Channels.unsubscribe("http.server.request.start", note))
  )
  return sockets
})

const served = Serve.serve({ quiet: true })

/** Lets the sockets of both sides read. */
const turns = Effect.repeatN(
  Effect.async<void>((resume) => {
    setImmediate(() => resume(Effect.void))
  }),
  20
)

/** A server with timeouts of its own. */
const serverWith = (
  timeouts: Partial<Timeouts>,
  options: { readonly couch?: EmbeddedCouch.Service; readonly maxBodyBytes?: number } = {}
) =>
  Effect.gen(function*() {
    const server = NodeServer.make({
      couch: options.couch ?? (yield* EmbeddedCouch.make()),
      runtime: yield* Effect.runtime<never>(),
      maxBodyBytes: options.maxBodyBytes ?? 1_000,
      origins: new Set(),
      timeouts
    })
    yield* Effect.acquireRelease(
      Effect.async<void>((resume) => {
        server.http.listen(0, "127.0.0.1", () => resume(Effect.void))
      }),
      () => server.close
    )
    const address = server.http.address()
    return { server, port: typeof address === "object" && address !== null ? address.port : 0 }
  })

describe("an idle connection", () => {
  it.scopedLive("stays open for much longer than Keep-Alive says", () =>
    Effect.gen(function*() {
      const { port } = yield* served
      const sockets = yield* serverSockets
      const client = yield* connect(port)
      yield* client.send(get("/"))
      const { head } = yield* client.answer
      const advertised = Number(/keep-alive: timeout=(\d+)/i.exec(head)?.[1])
      expect(advertised).toBeGreaterThanOrEqual(30)
      expect(head).toMatch(/connection: keep-alive/i)
      expect(sockets[0]?.timeout).toBeGreaterThanOrEqual(2 * 1000 * advertised)
    }))

  it.scopedLive("gets no Keep-Alive header if the client closes it", () =>
    Effect.gen(function*() {
      const { port } = yield* served
      const client = yield* connect(port)
      yield* client.send("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
      const { head } = yield* client.answer
      expect(head).not.toMatch(/keep-alive/i)
      expect(yield* client.closed).toBe("ended")
    }))

  it.scopedLive("answers a request that arrives as its timeout ends", () =>
    Effect.gen(function*() {
      const { port } = yield* served
      const sockets = yield* serverSockets
      for (const request of [get("/_up"), put("/db", 0), put("/db/a", 2) + "{}"]) {
        const client = yield* connect(port)
        yield* client.send(get("/"))
        yield* client.answer
        const socket = sockets.at(-1)
        // The request has been sent, but not read, when the timer fires.
        client.socket.write(request)
        socket?.emit("timeout")
        expect((yield* client.answer).status).toBeLessThan(300)
        yield* client.send(get("/"))
        expect((yield* client.answer).status).toBe(200)
      }
    }))

  it.scopedLive("is not closed in the middle of the head of a request", () =>
    Effect.gen(function*() {
      const { port } = yield* served
      const sockets = yield* serverSockets
      const client = yield* connect(port)
      yield* client.send(get("/"))
      yield* client.answer
      client.socket.write("GET / HTTP/1.1\r\nHost: loc")
      sockets[0]?.emit("timeout")
      yield* turns
      yield* client.send("alhost\r\n\r\n")
      expect((yield* client.answer).status).toBe(200)
    }))

  it.scopedLive("is closed without a reset after its timeout", () =>
    Effect.gen(function*() {
      const { port } = yield* served
      const sockets = yield* serverSockets
      const client = yield* connect(port)
      yield* client.send(get("/"))
      yield* client.answer
      sockets[0]?.emit("timeout")
      expect(yield* client.closed).toBe("ended")
    }))
})

describe("a request that is answered before its body has arrived", () => {
  const rest = new Uint8Array(8_000_000).fill(120)

  for (
    const [what, head, status] of [
      ["is too large", put("/db/a", rest.length + 10), 413],
      [
        "turns out to be too large",
        "PUT /db/a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" +
        `7D0\r\n${"x".repeat(2000)}\r\n${(rest.length + 10).toString(16)}\r\n`,
        413
      ],
      [
        "has a foreign host",
        `PUT /db/a HTTP/1.1\r\nHost: far.example\r\nContent-Length: ${rest.length + 10}\r\n\r\n`,
        400
      ]
    ] as const
  ) {
    it.scopedLive(`is read to its end, and its connection closed without a reset, if it ${what}`, () =>
      Effect.gen(function*() {
        const { port } = yield* Serve.serve({ quiet: true, maxBodyBytes: 1_000 })
        const client = yield* connect(port)
        yield* client.send(head)
        // The response arrives at once.
        const answer = yield* client.answer
        expect(answer.status).toBe(status)
        expect(answer.head).toMatch(/connection: close/i)
        yield* client.send("0123456789")
        yield* client.send(rest)
        if (head.includes("chunked")) yield* client.send("\r\n0\r\n\r\n")
        expect(yield* client.closed).toBe("ended")
      }))
  }

  it.scopedLive("is not read forever", () =>
    Effect.gen(function*() {
      const { port } = yield* serverWith({ drainBytes: 100_000 })
      const client = yield* connect(port)
      yield* client.send(put("/db/a", 1_000_000_000))
      expect((yield* client.answer).status).toBe(413)
      yield* Effect.repeat(client.send(new Uint8Array(10_000)), { until: () => client.socket.destroyed })
      // A client that sends nothing keeps its idle time.
      const silent = yield* serverWith({ drain: 1 })
      const other = yield* connect(silent.port)
      yield* other.send(put("/db/a", 1_000_000_000))
      expect((yield* other.answer).status).toBe(413)
      expect(yield* other.closed).toBe("ended")
    }))

  it.scopedLive("is not asked to continue if it is too large", () =>
    Effect.gen(function*() {
      const { port } = yield* Serve.serve({ quiet: true, maxBodyBytes: 1_000 })
      const client = yield* connect(port)
      yield* client.send(put("/db", 1_001, "Expect: 100-continue\r\n"))
      expect((yield* client.answer).status).toBe(413)
      const small = yield* connect(port)
      yield* small.send(put("/db", 2, "Expect: 100-continue\r\n"))
      yield* small.heard("100 Continue\r\n\r\n")
      yield* small.send("{}")
      yield* small.heard("201 Created")
    }))

  it.scopedLive("keeps its connection if it has no body", () =>
    Effect.gen(function*() {
      const { port } = yield* served
      const client = yield* connect(port)
      for (const host of ["far.example", "localhost"]) {
        yield* client.send(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
        expect((yield* client.answer).status).toBe(host === "localhost" ? 200 : 400)
      }
    }))
})

describe("a server that closes", () => {
  /** An engine whose feeds never end, with its number of running requests. */
  const engine = Effect.map(EmbeddedCouch.make(), (couch) => {
    const counts = { open: 0 }
    const stream: EmbeddedCouch.Service["stream"] = (request) =>
      Effect.zipRight(
        Effect.acquireRelease(
          Effect.sync(() => counts.open++),
          () => Effect.zipRight(turns, Effect.sync(() => counts.open--))
        ),
        request.path === "/stuck"
          ? Effect.never
          : request.path === "/feed"
          ? Effect.succeed({
            status: 200,
            headers: { "transfer-encoding": "chunked" },
            body: Stream.concat(Stream.fromChunk(Chunk.of(new Uint8Array([10]))), Stream.never)
          })
          : couch.stream(request)
      )
    return { counts, couch: { ...couch, stream } }
  })

  const onlyIdle = it.live.each([["idle", true], ["fresh", false]] as const)

  onlyIdle("ends connections that are %s at once", ([, used]) =>
    Effect.scoped(Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { port } = yield* Scope.extend(served, scope)
      const client = yield* connect(port)
      if (used) {
        yield* client.send(get("/"))
        yield* client.answer
      }
      yield* Scope.close(scope, Exit.void)
      expect(yield* client.closed).toBe("ended")
    })))

  it.scopedLive("lets running requests finish, and ends idle connections and feeds meanwhile", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { counts, couch } = yield* engine
      const { port } = yield* Scope.extend(Serve.serve({ quiet: true, couch }), scope)
      const [idle, feed, running] = yield* Effect.all([connect(port), connect(port), connect(port)])
      yield* idle.send(get("/"))
      yield* idle.answer
      yield* feed.send(get("/feed"))
      yield* feed.heard("200 OK")
      yield* running.send(put("/db", 0) + put("/db/a", 10) + "{\"a\":")
      expect((yield* running.answer).status).toBe(201)
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      expect(yield* idle.closed).toBe("ended")
      expect(yield* Effect.flip(connect(port))).toMatchObject({ code: "ECONNREFUSED" })
      yield* running.send("1234}")
      const { head, status } = yield* running.answer
      expect(status).toBe(201)
      expect(head).toMatch(/connection: close/i)
      expect(yield* running.closed).toBe("ended")
      yield* feed.closed
      yield* Fiber.join(closing)
      expect(counts).toEqual({ open: 0 })
    }))

  it.scoped("leaves nothing running, whatever the Clock is", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { counts, couch } = yield* engine
      const { port, server } = yield* Scope.extend(serverWith({ close: 1 }, { couch }), scope)
      const [stuck, half, feed] = yield* Effect.all([connect(port), connect(port), connect(port)])
      yield* stuck.send(get("/stuck"))
      yield* half.send(put("/db/a", 100) + "{")
      yield* feed.send(get("/feed"))
      yield* feed.heard("200 OK")
      yield* Effect.repeat(Effect.zipRight(turns, Effect.sync(() => counts.open)), { until: (open) => open === 2 })
      yield* Scope.close(scope, Exit.void)
      expect(counts).toEqual({ open: 0 })
      expect(server.http.listening).toBe(false)
      const connections = yield* Effect.async<number>((resume) => {
        server.http.getConnections((_, count) => resume(Effect.succeed(count)))
      })
      expect(connections).toBe(0)
      yield* Effect.all([stuck.closed, half.closed, feed.closed])
    }))
})
