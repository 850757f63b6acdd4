import * as Effect from "effect/Effect"
import type { Scope } from "effect/Scope"
import { readFileSync } from "node:fs"
import * as Http from "node:http"
import * as Https from "node:https"
import * as Net from "node:net"

/** A file of the folder `certificates`. */
export const pem = (name: string): string => readFileSync(new URL(`./certificates/${name}`, import.meta.url), "utf8")

/** Listens on a free port. Closing the scope closes its sockets. */
const listening = (server: Net.Server): Effect.Effect<number, never, Scope> =>
  Effect.acquireRelease(
    Effect.async<{ readonly port: number; readonly sockets: Set<Net.Socket> }>((resume) => {
      const sockets = new Set<Net.Socket>()
      server.on("connection", (socket: Net.Socket) => {
        sockets.add(socket)
        socket.on("error", () => undefined)
        socket.on("close", () => sockets.delete(socket))
      })
      server.listen(
        0,
        "127.0.0.1",
        () => resume(Effect.succeed({ port: (server.address() as Net.AddressInfo).port, sockets }))
      )
    }),
    ({ sockets }) =>
      Effect.async<void>((resume) => {
        server.close(() => resume(Effect.void))
        for (const socket of sockets) socket.destroy()
      })
  ).pipe(Effect.map(({ port }) => port))

/** A server whose connections the test handles. */
export const tcp = (onConnection: (socket: Net.Socket) => void): Effect.Effect<number, never, Scope> =>
  Effect.suspend(() => listening(Net.createServer(onConnection)))

export interface Counting {
  readonly port: number
  /** The requests that arrived, as method and path. */
  readonly heard: ReadonlyArray<string>
}

type Answer = (incoming: Http.IncomingMessage, response: Http.ServerResponse) => void

const counting = (make: (answer: Answer) => Net.Server, answer: Answer): Effect.Effect<Counting, never, Scope> =>
  Effect.suspend(() => {
    const heard: Array<string> = []
    const server = make((incoming, response) => {
      heard.push(`${incoming.method} ${incoming.url}`)
      answer(incoming, response)
    })
    server.on("tlsClientError", () => undefined)
    return Effect.map(listening(server), (port) => ({ port, heard }))
  })

const ok: Answer = (incoming, response) => {
  incoming.resume()
  incoming.on("end", () => response.end("{}"))
}

/** An HTTPS server with a certificate of the folder. */
export const https = (
  certificate: string,
  options: Https.ServerOptions = {},
  answer: Answer = ok
): Effect.Effect<Counting, never, Scope> =>
  counting(
    (answer) => Https.createServer({ cert: pem(`${certificate}.pem`), key: pem("server.key"), ...options }, answer),
    answer
  )

/** An HTTP server. */
export const http = (answer: Answer = ok): Effect.Effect<Counting, never, Scope> =>
  counting((answer) => Http.createServer(answer), answer)

/** A proxy that handles CONNECT with `onConnect`. `connects` counts the CONNECT requests. */
export const proxy = (
  onConnect: (socket: Net.Socket) => void
): Effect.Effect<{ readonly url: string; readonly connects: () => number }, never, Scope> =>
  Effect.suspend(() => {
    let connects = 0
    const server = Http.createServer()
    server.on("connect", (_: Http.IncomingMessage, socket: Net.Socket) => {
      connects++
      onConnect(socket)
    })
    return Effect.map(listening(server), (port) => ({ url: `http://127.0.0.1:${port}`, connects: () => connects }))
  })

/** Forwards a tunnel to the port, in both directions. */
export const forward = (
  port: number,
  established: string | Uint8Array = "HTTP/1.1 200 Connection Established\r\n\r\n"
) =>
(socket: Net.Socket): void => {
  const upstream = Net.connect(port, "127.0.0.1", () => {
    socket.write(established)
    upstream.pipe(socket)
    socket.pipe(upstream)
  })
  upstream.on("error", () => socket.destroy())
  socket.on("close", () => upstream.destroy())
}
