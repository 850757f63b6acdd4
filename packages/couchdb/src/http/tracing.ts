import * as HttpTraceContext from "@effect/platform/HttpTraceContext"
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as Tracer from "effect/Tracer"
import type { CouchRequest } from "./CouchHttp.js"
import type { HttpError } from "./errors.js"

/** Where the server is: what a request and its span need to know. */
export interface Server {
  readonly origin: string
  readonly prefix: string
  /** Origin and prefix: what errors show. */
  readonly base: string
  readonly address: string
  readonly port: number
}

// The tracer that Effect has when nobody listens. A span costs several microseconds even then, so there is none.
const silent = Context.get(DefaultServices.liveServices, Tracer.Tracer)

const nothing: Readonly<Record<string, string>> = {}

/** Whether nobody listens to the spans of the fiber. */
export const isSilent = <A, E>(fiber: Fiber.RuntimeFiber<A, E>): boolean =>
  fiber.currentTracer === silent || !fiber.getFiberRef(FiberRef.currentTracerEnabled)

/**
 * Runs one exchange, and fails with the failure that its response is. If a tracer listens, it runs in a span as
 * OpenTelemetry's conventions for CouchDB describe it. The span ends with a typed error, never with the response itself,
 * whose headers and body are secret.
 */
export const traced = <Response extends { readonly status: number }, E extends HttpError, R>(
  server: Server,
  request: CouchRequest,
  exchange: (headers: Readonly<Record<string, string>>) => Effect.Effect<Response, E, R>,
  failureOf: (response: Response) => Effect.Effect<never, HttpError> | undefined
): Effect.Effect<Response, E | HttpError, R> => {
  const checked = (effect: Effect.Effect<Response, E, R>): Effect.Effect<Response, E | HttpError, R> =>
    Effect.flatMap(
      effect,
      (response): Effect.Effect<Response, HttpError> => failureOf(response) ?? Effect.succeed(response)
    )
  return Effect.withFiberRuntime<Response, E | HttpError, R>((fiber) => {
    if (isSilent(fiber)) {
      return checked(exchange(nothing))
    }
    const operation = `${request.method} ${request.route}`
    return Effect.useSpan(
      request.database === undefined ? operation : `${operation} ${request.database}`,
      {
        kind: "client",
        captureStackTrace: false,
        attributes: {
          "db.system.name": "couchdb",
          "db.operation.name": operation,
          "server.address": server.address,
          "server.port": server.port,
          ...(request.database !== undefined && { "db.namespace": request.database })
        }
      },
      (span) =>
        exchange(HttpTraceContext.toHeaders(span)).pipe(
          Effect.withParentSpan(span),
          Effect.tap((response) =>
            Effect.sync(() => {
              span.attribute("db.response.status_code", String(response.status))
              if (response.status >= 400) span.attribute("error.type", String(response.status))
            })
          ),
          Effect.tapError((error) => Effect.sync(() => span.attribute("error.type", error._tag))),
          checked
        )
    )
  })
}
