import type { TransportError } from "effect-couchdb/CouchError"
import type { BufferedResponse, Service, StreamedResponse, TransportRequest } from "effect-couchdb/Transport"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Runtime from "effect/Runtime"
import type { Scope } from "effect/Scope"
import * as Stream from "effect/Stream"
import { Readable } from "node:stream"
import { type Dispatcher, Pool } from "undici"
import type { Options } from "../NodeTransport.js"
import * as buffered from "./buffered.js"
import { straight } from "./connect.js"
import { zipped } from "./gzip.js"
import { type Dispatch, enter, type Lane, leave, type Line, makeLine, stepBack } from "./line.js"
import { isProxyUrl, openProxy } from "./proxy.js"
import { refusing } from "./refusing.js"
import * as streamed from "./streamed.js"

const millis = (input: Duration.DurationInput | undefined, otherwise: number): number =>
  input === undefined ? otherwise : Duration.toMillis(input)

const defined = <A extends object>(options: A): { [K in keyof A]?: Exclude<A[K], undefined> } =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never

/** Zero disables the timeout. Timeouts above 2³¹−1 ms are treated as infinite. */
const connectTimeout = (options: Options): number => {
  const timeout = millis(options.connectTimeout, 10_000)
  return timeout < 2 ** 31 ? timeout : 0
}

/** The options of undici's pools. */
const poolOptions = (options: Options, connections: number): Pool.Options => ({
  connections: Number.isFinite(connections) ? connections : null,
  pipelining: 1,
  keepAliveTimeout: millis(options.keepAlive, 4_000),
  headersTimeout: millis(options.headersTimeout, 300_000),
  bodyTimeout: millis(options.bodyTimeout, 300_000)
})

/** The sockets to one server, direct or through a proxy. */
const openPool = (origin: string, options: Options, connections: number): Dispatcher => {
  const usual = poolOptions(options, connections)
  const { proxy, socketPath } = options
  const connect = { timeout: connectTimeout(options), ...defined(options.tls ?? {}) }
  return proxy === undefined
    ? new Pool(origin, { ...usual, connect: straight({ ...connect, ...(socketPath !== undefined && { socketPath }) }) })
    : openProxy(proxy, usual, connect, connect.timeout)
}

/** The connections to one server. */
interface Connections {
  readonly requests: Lane
  /** The share of streams. */
  readonly streams: Line
  /** Created with the first feed. */
  feeds: Lane | undefined
  /** The time of the last warning about waiting feeds. */
  warned: number
}

/** A pool has at least one connection. */
const bound = (connections: number | undefined, otherwise: number): number =>
  Math.max(1, Math.floor(connections ?? otherwise))

/** The maximum number of connections for streams. The others are for requests that end by themselves. */
const streamsOf = (connections: number): number =>
  Number.isFinite(connections) ? connections - Math.floor(connections / 4) : connections

/** The minimum time between two warnings about waiting feeds. */
const warnEvery = 60_000

/** Whether undici works on this runtime. Bun replaces it with a partial implementation. */
const hasUndici = (): boolean => typeof Pool.prototype.dispatch === "function"

export const make = (options: Options = {}): Effect.Effect<Service, never, Scope> =>
  !hasUndici()
    ? Effect.succeed(refusing("Unsupported", "undici's pool has no dispatch, as on Bun"))
    : options.proxy !== undefined && !isProxyUrl(options.proxy.url)
    ? Effect.succeed(refusing("InvalidUrl", "proxy: expected http://host:port"))
    : makePools(options)

/** The pools of connections to all servers. */
class Pools {
  private readonly servers = new Map<string, Connections>()
  private readonly pools: Array<Dispatcher> = []
  private readonly connections: number
  private readonly feedConnections: number

  constructor(private readonly options: Options) {
    this.connections = bound(options.connections, 64)
    this.feedConnections = bound(options.feedConnections, 256)
  }

  serverOf({ origin }: TransportRequest): Connections {
    return this.servers.get(origin) ?? this.open(origin)
  }

  laneOf(server: Connections, { kind, origin }: TransportRequest): Lane {
    return kind === "feed" ? server.feeds ??= this.openLane(origin, this.feedConnections) : server.requests
  }

  destroy(): Promise<unknown> {
    return Promise.all(this.pools.map((pool) => pool.destroy()))
  }

  private open(origin: string): Connections {
    const server: Connections = {
      requests: this.openLane(origin, this.connections),
      streams: makeLine(streamsOf(this.connections)),
      feeds: undefined,
      warned: Number.NEGATIVE_INFINITY
    }
    this.servers.set(origin, server)
    return server
  }

  private openLane(origin: string, size: number): Lane {
    const lane: Lane = { pool: openPool(origin, this.options, size), line: makeLine(size) }
    this.pools.push(lane.pool)
    return lane
  }
}

const makePools = (options: Options): Effect.Effect<Service, never, Scope> =>
  Effect.gen(function*() {
    const dispatch = makeDispatch(yield* Effect.runtime<never>())
    const pools = new Pools(options)
    yield* Effect.addFinalizer(() => Effect.promise(() => pools.destroy()))
    const plain = (request: TransportRequest): Effect.Effect<BufferedResponse, TransportError> =>
      buffered.read(pools.laneOf(pools.serverOf(request), request), request, dispatch)
    const { gzipAbove } = options
    return {
      keepsDeadlines: true,
      request: gzipAbove === undefined ? plain : (request) => zipped(request, gzipAbove, plain),
      stream: (request): Effect.Effect<StreamedResponse, TransportError, Scope> =>
        Effect.suspend(() => {
          const server = pools.serverOf(request)
          return stream(server, pools.laneOf(server, request), request, dispatch)
        })
    }
  })

const makeDispatch = (runtime: Runtime.Runtime<never>): Dispatch => {
  const bodyOf = (body: TransportRequest["body"]): string | Uint8Array | Readable | null =>
    body === undefined || typeof body === "string" || body instanceof Uint8Array
      ? body ?? null
      : Readable.from(streamToIterable(body, runtime))
  return (pool, request, handler) => {
    pool.dispatch({
      origin: request.origin,
      path: request.path,
      // undici's types do not include COPY.
      method: request.method as Dispatcher.HttpMethod,
      headers: request.headers,
      body: bodyOf(request.body)
    }, handler)
  }
}

/**
 * Reads a stream as soon as the lines admit it. The wait is interruptible. An acquired connection is always released, and
 * at once if no response arrived.
 */
const stream = (
  server: Connections,
  { line, pool }: Lane,
  request: TransportRequest,
  dispatch: Dispatch
): Effect.Effect<StreamedResponse, TransportError, Scope> => {
  const isFeed = request.kind === "feed"
  // A stream that waits for its share does not hold a connection.
  const lines = isFeed ? [line] : [server.streams, line]
  const held: Array<Line> = []
  const giveBack = Effect.sync(() => {
    for (const line of held.splice(0)) leave(line)
  })
  return Effect.uninterruptibleMask((restore) =>
    Effect.addFinalizer(() => giveBack).pipe(
      Effect.zipRight(isFeed && isFull(line) ? warnOfWaiting(server, line, request) : Effect.void),
      Effect.zipRight(Effect.forEach(lines, (line) =>
        Effect.map(restore(place(line, request)), () => {
          held.push(line)
        }), { discard: true })),
      Effect.zipRight(restore(streamed.read(request, (handler) => dispatch(pool, request, handler)))),
      Effect.onError(() => giveBack)
    )
  )
}

const isFull = ({ free, waiting }: Line): boolean => free === 0 || waiting.size > 0

/** Logs that a feed waits, at most once a minute for each server. */
const warnOfWaiting = (
  server: Connections,
  { size, waiting }: Line,
  { origin }: TransportRequest
): Effect.Effect<void> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    if (now - server.warned < warnEvery) return Effect.void
    server.warned = now
    return Effect.annotateLogs(
      Effect.logWarning(
        `a feed waits for a connection: all ${size} connections for feeds are in use, and ${waiting.size} others wait. ` +
          "Raise feedConnections, or close feeds"
      ),
      "server",
      origin
    )
  })

/** Waits for a connection. */
const place = (line: Line, { onWaiting }: TransportRequest): Effect.Effect<void> =>
  Effect.async((resume) => {
    const own = { started: false, start: () => resume(Effect.void) }
    enter(line, own)
    if (!own.started) onWaiting?.(true)
    return Effect.sync(() => own.started ? leave(line) : stepBack(line, own))
  })

const streamToIterable = (
  body: Stream.Stream<Uint8Array, TransportError>,
  runtime: Runtime.Runtime<never>
): AsyncIterable<Uint8Array> => Stream.toAsyncIterableRuntime(body, runtime)
