import type { TransportError } from "effect-couchdb/CouchError"
import type { BufferedResponse, Service, StreamedResponse, TransportRequest } from "effect-couchdb/Transport"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Runtime from "effect/Runtime"
import type { Scope } from "effect/Scope"
import * as Stream from "effect/Stream"
import { Readable } from "node:stream"
import { type Dispatcher, Pool } from "undici"
import type { Options } from "../NodeTransport.js"
import * as buffered from "./buffered.js"
import { enter, leave, type Line } from "./line.js"
import * as streamed from "./streamed.js"

const millis = (input: Duration.DurationInput | undefined, otherwise: number): number =>
  input === undefined ? otherwise : Duration.toMillis(input)

/** How a handler gets its request going. */
export type Dispatch = (handler: Dispatcher.DispatchHandler) => void

export const make = (options: Options = {}): Effect.Effect<Service, never, Scope> =>
  Effect.gen(function*() {
    const pools = new Map<string, Line>()
    const runtime = yield* Effect.runtime<never>()
    yield* Effect.addFinalizer(() =>
      Effect.promise(() => Promise.all(Array.from(pools.values(), ({ pool }) => pool.destroy())))
    )
    const connections = options.connections ?? 64
    const open = (origin: string): Line => {
      const pool = new Pool(origin, {
        connections,
        pipelining: 1,
        keepAliveTimeout: millis(options.keepAlive, 4_000),
        headersTimeout: millis(options.headersTimeout, 300_000),
        bodyTimeout: millis(options.bodyTimeout, 300_000),
        connect: {
          timeout: millis(options.connectTimeout, 10_000),
          ...(options.tls?.ca !== undefined && { ca: options.tls.ca }),
          ...(options.tls?.cert !== undefined && { cert: options.tls.cert }),
          ...(options.tls?.key !== undefined && { key: options.tls.key }),
          ...(options.tls?.rejectUnauthorized !== undefined && { rejectUnauthorized: options.tls.rejectUnauthorized })
        }
      })
      const line: Line = { pool, free: connections, waiting: new Set() }
      pools.set(origin, line)
      return line
    }
    const lineTo = (request: TransportRequest): Line => pools.get(request.origin) ?? open(request.origin)
    const bodyOf = (body: TransportRequest["body"]): string | Uint8Array | Readable | null =>
      body === undefined || typeof body === "string" || body instanceof Uint8Array
        ? body ?? null
        : Readable.from(streamToIterable(body, runtime))
    const dispatch = (pool: Pool, request: TransportRequest): Dispatch => (handler) => {
      pool.dispatch({
        path: request.path,
        // CouchDB's COPY is not among the methods that the types know.
        method: request.method as Dispatcher.HttpMethod,
        headers: request.headers,
        body: bodyOf(request.body)
      }, handler)
    }
    return {
      keepsDeadlines: true,
      request: (request): Effect.Effect<BufferedResponse, TransportError> => {
        const line = lineTo(request)
        return buffered.read(line, request, dispatch(line.pool, request))
      },
      stream: (request): Effect.Effect<StreamedResponse, TransportError, Scope> =>
        Effect.suspend(() => {
          const line = lineTo(request)
          return Effect.zipRight(
            // A wait may be interrupted, but a socket that was had is given back.
            Effect.uninterruptibleMask((restore) =>
              Effect.zipRight(restore(place(line)), Effect.addFinalizer(() => Effect.sync(() => leave(line))))
            ),
            streamed.read(request, dispatch(line.pool, request))
          )
        })
    }
  })

/** Waits in the line. */
const place = (line: Line): Effect.Effect<void> =>
  Effect.async((resume) => {
    const leaveQueue = enter(line, () => resume(Effect.void))
    return Effect.sync(() => {
      if (leaveQueue()) leave(line)
    })
  })

const streamToIterable = (
  body: Stream.Stream<Uint8Array, TransportError>,
  runtime: Runtime.Runtime<never>
): AsyncIterable<Uint8Array> => Stream.toAsyncIterableRuntime(body, runtime)
