import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import type { Scope } from "effect/Scope"
import * as Http from "node:http"
import type * as Net from "node:net"

class ListenError extends Data.TaggedError("ListenError")<{ readonly cause: unknown }> {}

/** A server whose responses the test writes. It records which of its requests and sockets were closed. */
export interface TestServer {
  readonly url: string
  /** Done when a request whose answer was not finished is closed from the other side. */
  readonly closed: Deferred.Deferred<void>
  readonly sockets: () => number
  /** How many sockets were opened in all. */
  readonly opened: () => number
}

export const serve = (
  answer: (request: Http.IncomingMessage, response: Http.ServerResponse) => void
): Effect.Effect<TestServer, ListenError, Scope> =>
  Effect.gen(function*() {
    const closed = yield* Deferred.make<void>()
    const runtime = yield* Effect.runtime<never>()
    const sockets = new Set<Net.Socket>()
    const server = Http.createServer((request, response) => {
      response.on("close", () => {
        if (!response.writableFinished) Runtime.runFork(runtime)(Deferred.succeed(closed, undefined))
      })
      answer(request, response)
    })
    let opened = 0
    server.on("connection", (socket) => {
      opened++
      sockets.add(socket)
      socket.on("close", () => sockets.delete(socket))
    })
    yield* Effect.addFinalizer(() =>
      Effect.async<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
    )
    const port = yield* Effect.async<number, ListenError>((resume) => {
      server.on("error", (cause) => resume(Effect.fail(new ListenError({ cause }))))
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed((server.address() as Net.AddressInfo).port)))
    })
    return { url: `http://127.0.0.1:${port}`, closed, sockets: () => sockets.size, opened: () => opened }
  })
