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
import * as streamed from "./streamed.js"

const millis = (input: Duration.DurationInput | undefined, otherwise: number): number =>
  input === undefined ? otherwise : Duration.toMillis(input)

/** How a handler gets its request going. */
export type Dispatch = (handler: Dispatcher.DispatchHandler) => void

export const make = (options: Options = {}): Effect.Effect<Service, never, Scope> =>
  Effect.gen(function*() {
    const pools = new Map<string, Pool>()
    const runtime = yield* Effect.runtime<never>()
    yield* Effect.addFinalizer(() =>
      Effect.promise(() => Promise.all(Array.from(pools.values(), (pool) => pool.destroy())))
    )
    const open = (origin: string): Pool => {
      const pool = new Pool(origin, {
        connections: options.connections ?? 64,
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
      pools.set(origin, pool)
      return pool
    }
    const bodyOf = (body: TransportRequest["body"]): string | Uint8Array | Readable | null =>
      body === undefined || typeof body === "string" || body instanceof Uint8Array
        ? body ?? null
        : Readable.from(streamToIterable(body, runtime))
    const dispatch = (request: TransportRequest): Dispatch => (handler) => {
      const pool = pools.get(request.origin) ?? open(request.origin)
      pool.dispatch({
        path: request.path,
        // CouchDB's COPY is not among the methods that the types know.
        method: request.method as Dispatcher.HttpMethod,
        headers: request.headers,
        body: bodyOf(request.body)
      }, handler)
    }
    return {
      request: (request): Effect.Effect<BufferedResponse, TransportError> => buffered.read(request, dispatch(request)),
      stream: (request): Effect.Effect<StreamedResponse, TransportError, Scope> =>
        streamed.read(request, dispatch(request))
    }
  })

const streamToIterable = (
  body: Stream.Stream<Uint8Array, TransportError>,
  runtime: Runtime.Runtime<never>
): AsyncIterable<Uint8Array> => Stream.toAsyncIterableRuntime(body, runtime)
