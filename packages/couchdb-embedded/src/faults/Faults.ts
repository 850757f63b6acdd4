/**
 * Injects network and server faults into a transport, either an embedded one or one to a real server.
 *
 * Rules with method, path, count or seeded probability decide which requests are affected. Delays follow the `Clock`,
 * so a `TestClock` controls them.
 *
 * @since 0.1.0
 */
import { TransportError } from "effect-couchdb/CouchError"
import * as Transport from "effect-couchdb/Transport"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import * as RandomSource from "../encoding/random.js"

/**
 * A fault.
 *
 * - `Latency`: delays the request
 * - `Status`: a proxy responds instead of the server, for example with 503 or 429, and with `Retry-After` if given
 * - `Refused`: the connection is refused
 * - `Dropped`: the request is lost
 * - `Lost`: the server handles the request, and its response is lost
 * - `Truncated`: the response is cut off after this many bytes
 * - `Stalled`: the response stalls after this many bytes
 * - `ConcurrentWrite`: another client writes first
 * - `Rewound`: a `_changes` request starts from the beginning, whatever its `since` is
 *
 * @since 0.1.0
 * @category model
 */
export type Fault = Data.TaggedEnum<{
  Latency: { readonly duration: Duration.DurationInput }
  Status: { readonly status: number; readonly retryAfter?: Duration.DurationInput | undefined }
  Refused: {}
  Dropped: {}
  Lost: {}
  Truncated: { readonly after: number }
  Stalled: { readonly after: number }
  ConcurrentWrite: {
    readonly write: (
      request: Transport.TransportRequest,
      transport: Transport.Service
    ) => Effect.Effect<unknown, TransportError>
  }
  Rewound: {}
}>

/**
 * The constructors of faults: `Faults.Fault.Lost()`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const Fault = Data.taggedEnum<Fault>()

/**
 * The requests that a fault affects. A request must match all conditions.
 *
 * - `method`, `path`: must match the request. The path is tested as sent, with its query
 * - `after`: how many matching requests pass first
 * - `times`: how many requests are affected at most
 * - `chance`: the probability for each request, between 0 and 1
 *
 * @since 0.1.0
 * @category model
 */
export interface Rule {
  readonly fault: Fault
  readonly method?: string | ReadonlyArray<string> | undefined
  readonly path?: RegExp | undefined
  readonly after?: number | undefined
  readonly times?: number | undefined
  readonly chance?: number | undefined
}

/**
 * The rules, and the seed of their probabilities. The same seed and the same requests give the same faults.
 *
 * @since 0.1.0
 * @category model
 */
export interface Options {
  readonly rules: ReadonlyArray<Rule>
  readonly seed?: number | undefined
}

/**
 * An injected fault.
 *
 * @since 0.1.0
 * @category model
 */
export interface InjectedFault {
  readonly method: string
  readonly path: string
  readonly fault: Fault["_tag"]
}

/**
 * Controls the faults at run time.
 *
 * - `injected`: all injected faults, in order
 * - `use`: replaces the rules, and restarts their counts. An empty list disables all faults
 *
 * @since 0.1.0
 * @category model
 */
export interface Service {
  readonly injected: Effect.Effect<ReadonlyArray<InjectedFault>>
  readonly use: (rules: ReadonlyArray<Rule>) => Effect.Effect<void>
}

/**
 * The control of the faults in a layer.
 *
 * @since 0.1.0
 * @category tags
 */
export class Faults extends Context.Tag("effect-couchdb-embedded/Faults")<Faults, Service>() {}

interface CountedRule {
  readonly rule: Rule
  readonly passed: number
  readonly injected: number
}

const withoutCounts = (rules: ReadonlyArray<Rule>): ReadonlyArray<CountedRule> =>
  rules.map((rule) => ({ rule, passed: 0, injected: 0 }))

const matches = ({ method, path }: Rule, request: Transport.TransportRequest): boolean =>
  (method === undefined ||
    (typeof method === "string" ? method === request.method : method.includes(request.method))) &&
  (path === undefined || new RegExp(path.source, path.flags.replace("g", "")).test(request.path))

/** The faults for a request, and the updated counts. */
const selectFaults = (
  rules: ReadonlyArray<CountedRule>,
  request: Transport.TransportRequest,
  chance: () => number
): readonly [ReadonlyArray<Fault>, ReadonlyArray<CountedRule>] => {
  const faults: Array<Fault> = []
  const counted = rules.map((one) => {
    const { passed, rule, injected } = one
    if (!matches(rule, request)) return one
    if (passed < (rule.after ?? 0)) return { ...one, passed: passed + 1 }
    if (injected >= (rule.times ?? Number.POSITIVE_INFINITY)) return one
    if (rule.chance !== undefined && chance() >= rule.chance) return one
    faults.push(rule.fault)
    return { ...one, injected: injected + 1 }
  })
  return [faults, counted]
}

const failure = (
  request: Transport.TransportRequest,
  reason: TransportError["reason"],
  description: string
): TransportError =>
  new TransportError({ server: request.origin, method: request.method, path: request.path, reason, description })

const proxyResponse = (
  status: number,
  retryAfter: Option.Option<Duration.DurationInput>
): Transport.BufferedResponse => ({
  status,
  headers: {
    "content-type": "application/json",
    ...(Option.isSome(retryAfter) && { "retry-after": String(Math.ceil(Duration.toSeconds(retryAfter.value))) })
  },
  body: JSON.stringify({ error: "fault", reason: "The test injected this response." })
})

/** The first `after` bytes of a body, followed by another stream. */
const cutStream = (
  body: Stream.Stream<Uint8Array, TransportError>,
  after: number,
  rest: Stream.Stream<Uint8Array, TransportError>
): Stream.Stream<Uint8Array, TransportError> =>
  Stream.concat(
    Stream.mapAccum(body, 0, (seen, chunk) => [seen + chunk.length, chunk.subarray(0, Math.max(0, after - seen))]).pipe(
      Stream.takeUntil((chunk) => chunk.length === 0),
      Stream.filter((chunk) => chunk.length > 0)
    ),
    rest
  )

/** The request with `since=0`, if it reads changes. */
const rewound = (request: Transport.TransportRequest): Transport.TransportRequest =>
  /\/_changes(?:\?|$)/.test(request.path)
    ? { ...request, path: request.path.replace(/([?&])since=[^&]*/, "$1since=0") }
    : request

type Exchange<Response, R> = (request: Transport.TransportRequest) => Effect.Effect<Response, TransportError, R>

/** How faults change buffered or streamed responses. */
interface Kind<Response> {
  readonly fromBuffered: (response: Transport.BufferedResponse) => Response
  readonly cutOff: (
    request: Transport.TransportRequest,
    response: Response,
    after: number,
    stalls: boolean
  ) => Effect.Effect<Response, TransportError>
}

const cutError = (request: Transport.TransportRequest, after: number): TransportError =>
  failure(request, "Body", `cut off after ${after} bytes by the test`)

const bufferedKind: Kind<Transport.BufferedResponse> = {
  fromBuffered: (response) => response,
  cutOff: (request, _, after, stalls) => stalls ? Effect.never : Effect.fail(cutError(request, after))
}

const streamedKind: Kind<Transport.StreamedResponse> = {
  fromBuffered: (response) => ({ ...response, body: Stream.make(Transport.bytes(response)) }),
  cutOff: (request, response, after, stalls) =>
    Effect.succeed({
      ...response,
      body: cutStream(response.body, after, stalls ? Stream.never : Stream.fail(cutError(request, after)))
    })
}

/** Wraps an exchange with a fault. `transport` is the one without faults. */
const withFault = <Response, R>(
  transport: Transport.Service,
  kind: Kind<Response>,
  fault: Fault,
  inner: Exchange<Response, R>
): Exchange<Response, R> =>
  Fault.$match(fault, {
    Latency: ({ duration }) => (request: Transport.TransportRequest) => Effect.delay(inner(request), duration),
    Status: ({ retryAfter, status }) => () =>
      Effect.succeed(kind.fromBuffered(proxyResponse(status, Option.fromNullable(retryAfter)))),
    Refused: () => (request: Transport.TransportRequest) =>
      Effect.fail(failure(request, "Connection", "refused by the test")),
    Dropped: () => (request: Transport.TransportRequest) =>
      Effect.fail(failure(request, "NoResponse", "dropped by the test")),
    Lost: () => (request: Transport.TransportRequest) =>
      Effect.zipRight(inner(request), Effect.fail(failure(request, "NoResponse", "the response was lost by the test"))),
    Truncated: ({ after }) => (request: Transport.TransportRequest) =>
      Effect.flatMap(inner(request), (response) => kind.cutOff(request, response, after, false)),
    Stalled: ({ after }) => (request: Transport.TransportRequest) =>
      Effect.flatMap(inner(request), (response) => kind.cutOff(request, response, after, true)),
    ConcurrentWrite: ({ write }) => (request: Transport.TransportRequest) =>
      Effect.zipRight(write(request, transport), inner(request)),
    Rewound: () => (request: Transport.TransportRequest) => inner(rewound(request))
  })

/**
 * A transport that injects faults into another one.
 *
 * @example
 * import { Effect } from "effect"
 * import { EmbeddedCouch, Faults } from "effect-couchdb-embedded"
 *
 * const flaky = Effect.gen(function*() {
 *   const couch = yield* EmbeddedCouch.make()
 *   return yield* Faults.make(EmbeddedCouch.transport(couch), {
 *     seed: 7,
 *     rules: [{ fault: Faults.Fault.Lost(), method: "PUT", chance: 0.3 }]
 *   })
 * })
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  transport: Transport.Service,
  options: Options
): Effect.Effect<{ readonly transport: Transport.Service; readonly faults: Service }> =>
  Effect.gen(function*() {
    const rules = yield* Ref.make(withoutCounts(options.rules))
    const log = yield* Ref.make<ReadonlyArray<InjectedFault>>([])
    const random = RandomSource.make(options.seed ?? 1)
    const chance = (): number => random.below(1_000_000) / 1_000_000

    const selectAndLog = (request: Transport.TransportRequest): Effect.Effect<ReadonlyArray<Fault>> =>
      Effect.tap(
        Ref.modify(rules, (counted) => selectFaults(counted, request, chance)),
        (faults) =>
          Ref.update(log, (all) => [
            ...all,
            ...faults.map(({ _tag }) => ({ method: request.method, path: request.path, fault: _tag }))
          ])
      )

    /** Applies the faults in the order of their rules, the first one outermost. */
    const faulty =
      <Response, R>(kind: Kind<Response>, exchange: Exchange<Response, R>): Exchange<Response, R> => (request) =>
        Effect.flatMap(selectAndLog(request), (faults) =>
          faults.reduceRight((inner, fault) => withFault(transport, kind, fault, inner), exchange)(request))

    return {
      faults: {
        injected: Ref.get(log),
        use: (next) =>
          Ref.set(rules, withoutCounts(next))
      },
      transport: { request: faulty(bufferedKind, transport.request), stream: faulty(streamedKind, transport.stream) }
    }
  })

/**
 * A layer that injects faults into the transport below.
 *
 * @example
 * import { Layer } from "effect"
 * import { CouchHttp } from "effect-couchdb"
 * import { EmbeddedCouch, Faults } from "effect-couchdb-embedded"
 *
 * const couch = CouchHttp.layer({ url: "http://embedded" }).pipe(
 *   Layer.provide(Faults.layer({ rules: [{ fault: Faults.Fault.Status({ status: 503 }), times: 2 }] })),
 *   Layer.provide(EmbeddedCouch.layer())
 * )
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: Options
): Layer.Layer<Transport.Transport | Faults, never, Transport.Transport> =>
  Layer.effectContext(
    Effect.map(
      Effect.flatMap(Transport.Transport, (transport) => make(transport, options)),
      ({ faults, transport }) => Context.make(Transport.Transport, transport).pipe(Context.add(Faults, faults))
    )
  )

/**
 * A write for `Fault.ConcurrentWrite`: it reads the document of the request, edits its JSON, and writes it back. It does nothing
 * if the request concerns no document, or if the document does not exist.
 *
 * @since 0.1.0
 * @category constructors
 */
export const concurrentEdit =
  (edit: (document: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>) =>
  (request: Transport.TransportRequest, transport: Transport.Service): Effect.Effect<void, TransportError> =>
    Effect.gen(function*() {
      const path = request.path.split("?")[0] ?? request.path
      if (!/^\/[^/]+\/(?:_design\/)?[^/_][^/]*$/.test(path)) return
      const { "content-type": _, ...headers } = request.headers
      const read = yield* transport.request({ method: "GET", origin: request.origin, path, headers })
      if (read.status !== 200) return
      const document: unknown = JSON.parse(Transport.text(read))
      if (typeof document !== "object" || document === null) return
      yield* transport.request({
        method: "PUT",
        origin: request.origin,
        path,
        headers: { ...headers, "content-type": "application/json" },
        body: JSON.stringify(edit({ ...document }))
      })
    })
