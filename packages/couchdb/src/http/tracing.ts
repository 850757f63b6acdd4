import * as HttpTraceContext from "@effect/platform/HttpTraceContext"
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as Tracer from "effect/Tracer"
import type { CouchRequest } from "./CouchHttp.js"
import type { HttpError } from "./errors.js"
import type { FailureOf } from "./responseStatus.js"
import type { Server } from "./server.js"

// Effect's default tracer, which discards its spans. A span costs several microseconds even then, so it is avoided.
export const discardingTracer = Context.get(DefaultServices.liveServices, Tracer.Tracer)

const noHeaders: Readonly<Record<string, string>> = {}

/** Whether no tracer listens to the spans of the fiber. */
export const isSilent = <A, E>(fiber: Fiber.RuntimeFiber<A, E>): boolean =>
  fiber.currentTracer === discardingTracer || !fiber.getFiberRef(FiberRef.currentTracerEnabled)

/**
 * Runs one exchange, and fails if its response is an error. If a tracer listens, it runs in a span that follows
 * OpenTelemetry's conventions for CouchDB. The span ends with a typed error, never with the response itself, whose
 * headers and body are secret.
 */
export const traced = <Response extends { readonly status: number }, E extends HttpError, R>(
  server: Server,
  request: CouchRequest,
  exchange: (headers: Readonly<Record<string, string>>) => Effect.Effect<Response, E, R>,
  failureOf: FailureOf<Response>
): Effect.Effect<Response, E | HttpError, R> => {
  const checked = (effect: Effect.Effect<Response, E, R>): Effect.Effect<Response, E | HttpError, R> =>
    Effect.flatMap(
      effect,
      (response): Effect.Effect<Response, HttpError> => failureOf(request, response) ?? Effect.succeed(response)
    )
  return Effect.withFiberRuntime<Response, E | HttpError, R>((fiber) => {
    if (isSilent(fiber)) {
      return checked(exchange(noHeaders))
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
