import { Transport } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

/** A response of something other than CouchDB. */
export interface Foreign {
  readonly name: string
  readonly response: Transport.BufferedResponse
}

const bodies: ReadonlyArray<readonly [name: string, contentType: string | undefined, body: string]> = [
  ["HTML", "text/html", "<html><body>Please log in</body></html>"],
  ["nothing", undefined, ""],
  ["JSON of another service", "application/json", "{\"message\":\"no Route matched with those values\"}"],
  ["an error of another service", "application/json", "{\"error\":\"Not Found\",\"status\":404}"],
  ["{}", "application/json", "{}"]
]

const statuses = [
  200,
  204,
  301,
  302,
  304,
  307,
  400,
  401,
  403,
  404,
  405,
  406,
  408,
  409,
  410,
  412,
  413,
  417,
  421,
  423,
  425,
  429,
  451,
  499,
  500,
  502,
  503,
  504,
  520,
  524,
  530
]

/** Responses of every status that matters, with bodies of every kind. */
export const foreign: ReadonlyArray<Foreign> = statuses.flatMap((status) =>
  bodies.map(([name, contentType, body]) => ({
    name: `${status} ${name}`,
    response: {
      status,
      headers: {
        server: "nginx",
        ...(contentType !== undefined && { "content-type": contentType }),
        ...(status >= 300 && status < 400 && { location: "https://login.example/?next=1" })
      },
      body
    }
  }))
)

/**
 * Which requests an impostor answers.
 *
 * - `from`: the first of them, counted from 0
 * - `times`: how many; `Infinity` for good
 * - `carriesOut`: whether the request reaches the server all the same
 */
export interface Plan {
  readonly from: number
  readonly times: number
  readonly carriesOut: boolean
  readonly response: Transport.BufferedResponse
}

/** A transport on which something other than CouchDB answers as the plan says. */
export interface Impostor {
  readonly transport: Transport.Service
  /** Begins to count, with a plan or without one. */
  readonly use: (plan: Plan | undefined) => void
  /** How many requests were sent since. */
  readonly count: () => number
}

export const makeImpostor = (inner: Transport.Service): Impostor => {
  let plan: Plan | undefined
  let sent = 0
  const strikes = (): Plan | undefined => {
    const at = sent++
    return plan !== undefined && at >= plan.from && at < plan.from + plan.times ? plan : undefined
  }
  return {
    use: (next) => {
      plan = next
      sent = 0
    },
    count: () => sent,
    transport: {
      request: (request) =>
        Effect.suspend(() => {
          const struck = strikes()
          if (struck === undefined) return inner.request(request)
          return Effect.as(struck.carriesOut ? Effect.exit(inner.request(request)) : Effect.void, struck.response)
        }),
      stream: (request) =>
        Effect.suspend(() => {
          const struck = strikes()
          if (struck === undefined) return inner.stream(request)
          const response = { ...struck.response, body: Stream.make(Transport.bytes(struck.response)) }
          return Effect.as(
            struck.carriesOut ? Effect.exit(inner.request(request)) : Effect.void,
            response
          )
        })
    }
  }
}
