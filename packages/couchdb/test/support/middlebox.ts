import { CouchError, Transport } from "effect-couchdb"
import * as Effect from "effect/Effect"
import type { Scope } from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import { documented } from "./documented.js"

type Headers = Readonly<Record<string, string>>

/** What happens to a request on its way. With `carriesOut` it reaches the server all the same. */
export type Interference =
  | { readonly _tag: "Response"; readonly response: Transport.BufferedResponse; readonly carriesOut: boolean }
  /** The connection breaks before a response comes. */
  | { readonly _tag: "Reset"; readonly carriesOut: boolean }
  /** No response ever comes. */
  | { readonly _tag: "Stall" }

export interface ProxiedRequest {
  readonly method: string
  readonly path: string
  /** Counted from 0, since `use`. */
  readonly number: number
}

export type Interferes = (request: ProxiedRequest) => Interference | undefined

/**
 * Changes headers on their way.
 *
 * - `request`: those that reach the server
 * - `response`: those that reach the client
 */
export interface Rewrites {
  readonly request: (headers: Headers) => Headers
  readonly response: (headers: Headers) => Headers
}

const nothing: Rewrites = { request: (headers) => headers, response: (headers) => headers }

/** Something between a client and a server. */
export interface Middlebox {
  /** Begins to count, and interferes from now on. */
  readonly use: (interferes: Interferes | undefined) => void
  /** How many requests passed since. */
  readonly count: () => number
}

interface Box extends Middlebox {
  readonly next: (request: { readonly method: string; readonly path: string }) => Interference | undefined
}

const makeBox = (): Box => {
  let interferes: Interferes | undefined
  let passed = 0
  return {
    use: (next) => {
      interferes = next
      passed = 0
    },
    count: () => passed,
    next: ({ method, path }) => {
      const number = passed++
      const response = documented(method, path)
      const interference = interferes?.({ method, path, number })
      // What is documented only never reaches a server, whatever becomes of its response.
      if (response === undefined) return interference
      return interference === undefined
        ? { _tag: "Response", response, carriesOut: false }
        : interference._tag === "Stall"
        ? interference
        : { ...interference, carriesOut: false }
    }
  }
}

/** A middlebox within this program, in front of a transport. */
export const inProcess = (
  inner: Transport.Service,
  rewrites: Rewrites = nothing
): Middlebox & { readonly transport: Transport.Service } => {
  const box = makeBox()
  const broken = ({ method, origin, path }: Transport.TransportRequest) =>
    new CouchError.TransportError({
      server: origin,
      method,
      path,
      reason: "NoResponse",
      description: "reset by the test"
    })
  const interceptRequest = <A extends { readonly headers: Headers }>(
    request: Transport.TransportRequest,
    send: (request: Transport.TransportRequest) => Effect.Effect<A, CouchError.TransportError, Scope>,
    instead: (response: Transport.BufferedResponse) => A
  ): Effect.Effect<A, CouchError.TransportError, Scope> =>
    Effect.suspend(() => {
      const interference = box.next(request)
      const sent = { ...request, headers: rewrites.request(request.headers) }
      if (interference === undefined) {
        return Effect.map(send(sent), (response) => ({ ...response, headers: rewrites.response(response.headers) }))
      }
      if (interference._tag === "Stall") return Effect.never
      const isFeed = /[?&]feed=(?:continuous|longpoll|eventsource)/.test(request.path)
      const before = interference.carriesOut && !isFeed ? Effect.exit(inner.request(sent)) : Effect.void
      return Effect.zipRight(
        before,
        interference._tag === "Reset" ? Effect.fail(broken(request)) : Effect.succeed(instead(interference.response))
      )
    })
  return {
    ...box,
    transport: {
      request: (request) => Effect.scoped(interceptRequest(request, inner.request, (response) => response)),
      stream: (request) =>
        interceptRequest(
          request,
          inner.stream,
          (response) => ({ ...response, body: Stream.make(Transport.bytes(response)) })
        )
    }
  }
}

const flat = (headers: Http.IncomingHttpHeaders): Headers =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(", ") : value]]
    )
  )

const perHop = new Set(["connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade"])

const endToEnd = (headers: Headers): Headers =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !perHop.has(name)))

/** A middlebox with a socket of its own on loopback, in front of a server. A page to log in is at `/~login`. */
export const overHttp = (
  upstream: string,
  rewrites: Rewrites = nothing
): Effect.Effect<Middlebox & { readonly url: string }, never, Scope> =>
  Effect.gen(function*() {
    const box = makeBox()
    const agent = new Http.Agent({ keepAlive: true })
    let origin = ""
    const respond = (to: Http.ServerResponse, { body, headers, status }: Transport.BufferedResponse): void => {
      const location = headers["location"] === undefined ? undefined : { location: `${origin}/~login` }
      to.writeHead(status, { ...headers, ...location })
      to.end(body)
    }
    const forward = (
      request: Http.IncomingMessage,
      body: Buffer,
      onResponse: (response: Http.IncomingMessage) => void,
      failed: () => void
    ): Http.ClientRequest => {
      const { host: _, ...headers } = flat(request.headers)
      const sent = Http.request(new URL(request.url ?? "/", upstream), {
        agent,
        path: request.url,
        method: request.method,
        headers: { ...endToEnd(rewrites.request(headers)), "content-length": String(body.length) }
      }, onResponse)
      sent.on("error", failed)
      sent.end(body)
      return sent
    }
    const handle = (request: Http.IncomingMessage, response: Http.ServerResponse, body: Buffer): void => {
      if (request.url === "/~login") {
        return respond(response, { status: 200, headers: { "content-type": "text/html" }, body: "<html>Log in</html>" })
      }
      const path = request.url ?? "/"
      const interference = box.next({ method: request.method ?? "GET", path })
      if (interference?._tag === "Stall") return
      const cut = () => {
        request.socket.destroy()
      }
      if (interference === undefined) {
        const sent = forward(request, body, (upstreamResponse) => {
          response.writeHead(
            upstreamResponse.statusCode ?? 500,
            endToEnd(rewrites.response(flat(upstreamResponse.headers)))
          )
          response.flushHeaders()
          upstreamResponse.on("error", cut)
          upstreamResponse.pipe(response)
        }, cut)
        response.on("close", () => sent.destroy())
        return
      }
      const interfere = interference._tag === "Reset" ? cut : () => respond(response, interference.response)
      if (!interference.carriesOut || /[?&]feed=(?:continuous|longpoll|eventsource)/.test(path)) return interfere()
      forward(request, body, (upstreamResponse) => {
        upstreamResponse.on("close", interfere)
        upstreamResponse.resume()
      }, cut)
    }
    const server = Http.createServer((request, response) => {
      const parts: Array<Buffer> = []
      request.on("data", (part: Buffer) => parts.push(part))
      request.on("end", () => handle(request, response, Buffer.concat(parts)))
      request.on("error", () => undefined)
    })
    yield* Effect.acquireRelease(
      Effect.async<void>((resume) => {
        server.listen(0, "127.0.0.1", () => resume(Effect.void))
      }),
      () =>
        Effect.sync(() => {
          server.close()
          server.closeAllConnections()
          agent.destroy()
        })
    )
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    return { ...box, url: origin }
  })
