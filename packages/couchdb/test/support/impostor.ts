import type { Transport } from "effect-couchdb"

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
  522,
  524,
  526,
  530
]

const own = (
  status: number,
  error: string,
  reason: string,
  headers: Readonly<Record<string, string>>
): Foreign => ({
  name: `${[status, error, ...Object.values(headers)].join(" ")} of CouchDB`,
  response: {
    status,
    headers: { "content-type": "application/json", server: "CouchDB/3.5.0 (Erlang OTP/25)", ...headers },
    body: JSON.stringify({ error, reason })
  }
})

const page = (status: number, headers: Readonly<Record<string, string>>): Foreign => ({
  name: `${[status, ...Object.values(headers)].join(" ")} of a proxy`,
  response: {
    status,
    headers: { "content-type": "text/html", server: "cloudflare", ...headers },
    body: "<html><body>try again</body></html>"
  }
})

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

/** Responses of a server or a proxy that is in trouble for a moment. */
export const transient: ReadonlyArray<Foreign> = [
  ...[408, 425, 429, 502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 527, 530].flatMap((status) => [
    own(status, "service_unavailable", "The server is busy", {}),
    page(status, {}),
    page(status, { "retry-after": "3" })
  ]),
  page(503, { "retry-after": new Date(2_000).toUTCString() }),
  own(500, "timeout", "The request could not be processed in a reasonable amount of time.", {}),
  own(503, "service_unavailable", "The server is busy", { "retry-after": "2" }),
  own(429, "too_many_requests", "Too many requests", { "retry-after": "2" })
]
