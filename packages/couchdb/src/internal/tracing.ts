import * as HttpTraceContext from "@effect/platform/HttpTraceContext"
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as Tracer from "effect/Tracer"
import type { HttpError } from "../CouchError.js"
import type { CouchRequest } from "../CouchHttp.js"

/** Where the server is: what a request and its span need to know. */
export interface Server {
  readonly origin: string
  readonly prefix: string
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
 * Runs one exchange, in a span as OpenTelemetry's conventions for CouchDB describe it where a tracer listens, and fails
 * with what `problem` makes of the response.
 */
export const traced = <Response extends { readonly status: number }, E extends HttpError, R, Problem>(
  server: Server,
  request: CouchRequest,
  exchange: (headers: Readonly<Record<string, string>>) => Effect.Effect<Response, E, R>,
  problem: (response: Response) => Problem | undefined
): Effect.Effect<Response, E | Problem, R> => {
  const checked = (effect: Effect.Effect<Response, E, R>): Effect.Effect<Response, E | Problem, R> =>
    Effect.flatMap(effect, (response): Effect.Effect<Response, Problem> => {
      const failure = problem(response)
      return failure === undefined ? Effect.succeed(response) : Effect.fail(failure)
    })
  return Effect.withFiberRuntime<Response, E | Problem, R>((fiber) => {
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
