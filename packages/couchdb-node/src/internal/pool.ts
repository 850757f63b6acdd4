import type { TransportError } from "effect-couchdb/CouchError"
import type { BufferedResponse, Service, StreamedResponse, TransportRequest } from "effect-couchdb/Transport"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Runtime from "effect/Runtime"
import type { Scope } from "effect/Scope"
import * as Stream from "effect/Stream"
import { Readable } from "node:stream"
import { type Dispatcher, Pool, ProxyAgent } from "undici"
import type { Options } from "../NodeTransport.js"
import * as buffered from "./buffered.js"
import { zipped } from "./gzip.js"
import { type Dispatch, enter, leave, type Line, stepBack } from "./line.js"
import * as streamed from "./streamed.js"

const millis = (input: Duration.DurationInput | undefined, otherwise: number): number =>
  input === undefined ? otherwise : Duration.toMillis(input)

const defined = <A extends object>(options: A): { [K in keyof A]?: Exclude<A[K], undefined> } =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never

/** What undici's pools are opened with. */
const poolOptions = (options: Options, connections: number): Pool.Options => ({
  connections,
  pipelining: 1,
  keepAliveTimeout: millis(options.keepAlive, 4_000),
  headersTimeout: millis(options.headersTimeout, 300_000),
  bodyTimeout: millis(options.bodyTimeout, 300_000),
  ...(options.socketPath !== undefined && { socketPath: options.socketPath }),
  connect: { timeout: millis(options.connectTimeout, 10_000), ...defined(options.tls ?? {}) }
})

/** The sockets to one server, straight or by way of a proxy. */
const openPool = (origin: string, options: Options, connections: number): Dispatcher => {
  const usual = poolOptions(options, connections)
  if (options.proxy === undefined) return new Pool(origin, usual)
  const { connect, ...others } = usual
  return new ProxyAgent({
    ...others,
    uri: options.proxy.url,
    ...(options.proxy.authorization !== undefined && { token: Redacted.value(options.proxy.authorization) }),
    ...(typeof connect === "object" && { requestTls: connect })
  })
}

export const make = (options: Options = {}): Effect.Effect<Service, never, Scope> =>
  Effect.gen(function*() {
    const lines = new Map<string, Line>()
    const runtime = yield* Effect.runtime<never>()
    yield* Effect.addFinalizer(() =>
      Effect.promise(() => Promise.all(Array.from(lines.values(), ({ pool }) => pool.destroy())))
    )
    const connections = options.connections ?? 64
    const open = (origin: string): Line => {
      const line: Line = {
        pool: openPool(origin, options, connections),
        free: connections,
        calling: false,
        waiting: new Set()
      }
      lines.set(origin, line)
      return line
    }
    const lineTo = ({ origin }: TransportRequest): Line => lines.get(origin) ?? open(origin)
    const bodyOf = (body: TransportRequest["body"]): string | Uint8Array | Readable | null =>
      body === undefined || typeof body === "string" || body instanceof Uint8Array
        ? body ?? null
        : Readable.from(streamToIterable(body, runtime))
    const dispatch: Dispatch = (pool, request, handler) => {
      pool.dispatch({
        origin: request.origin,
        path: request.path,
        // CouchDB's COPY is not among the methods that the types know.
        method: request.method as Dispatcher.HttpMethod,
        headers: request.headers,
        body: bodyOf(request.body)
      }, handler)
    }
    const plain = (request: TransportRequest): Effect.Effect<BufferedResponse, TransportError> =>
      buffered.read(lineTo(request), request, dispatch)
    const { gzipAbove } = options
    return {
      keepsDeadlines: true,
      request: gzipAbove === undefined ? plain : (request) => zipped(request, gzipAbove, plain),
      stream: (request): Effect.Effect<StreamedResponse, TransportError, Scope> =>
        Effect.suspend(() => {
          const line = lineTo(request)
          // A wait may be interrupted, but a socket that was had is given back: at once where no answer came.
          return Effect.uninterruptibleMask((restore) =>
            Effect.gen(function*() {
              yield* restore(place(line))
              const giveBack = yield* Effect.once(Effect.sync(() => leave(line)))
              yield* Effect.addFinalizer(() => giveBack)
              return yield* Effect.onError(
                restore(streamed.read(request, (handler) => dispatch(line.pool, request, handler))),
                () => giveBack
              )
            })
          )
        })
    }
  })

/** Waits in the line. */
const place = (line: Line): Effect.Effect<void> =>
  Effect.async((resume) => {
    const own = { started: false, start: () => resume(Effect.void) }
    enter(line, own)
    return Effect.sync(() => own.started ? leave(line) : stepBack(line, own))
  })

const streamToIterable = (
  body: Stream.Stream<Uint8Array, TransportError>,
  runtime: Runtime.Runtime<never>
): AsyncIterable<Uint8Array> => Stream.toAsyncIterableRuntime(body, runtime)
