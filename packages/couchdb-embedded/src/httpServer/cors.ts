import type { BufferedResponse } from "effect-couchdb/Transport"
import type * as Http from "node:http"

type Headers = Readonly<Record<string, string>>

const methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "COPY", "OPTIONS"]

const allowed = new Set([
  "accept",
  "accept-language",
  "authorization",
  "content-length",
  "content-range",
  "content-type",
  "destination",
  "expires",
  "if-match",
  "if-none-match",
  "last-modified",
  "origin",
  "pragma",
  "x-couch-full-commit",
  "x-couch-id",
  "x-couch-persist",
  "x-couchdb-www-authenticate",
  "x-http-method-override",
  "x-requested-with"
])

const exposed =
  "content-type, cache-control, accept-ranges, etag, server, x-couch-request-id, x-couch-update-newrev, " +
  "x-couchdb-body-time"

const none: Headers = {}

/** The CORS headers for a page of an allowed origin. */
export const headersFor = ({ headers: { origin } }: Http.IncomingMessage, origins: ReadonlySet<string>): Headers =>
  origin === undefined || !origins.has(origin) ? none : {
    "access-control-allow-origin": origin,
    "access-control-allow-credentials": "true",
    "access-control-expose-headers": exposed,
    "vary": "Origin"
  }

/** The response to a preflight request of an allowed origin. */
export const preflight = (
  message: Http.IncomingMessage,
  origins: ReadonlySet<string>
): BufferedResponse | undefined => {
  const { origin } = message.headers
  const method = message.headers["access-control-request-method"]
  if (message.method !== "OPTIONS" || origin === undefined || !origins.has(origin) || method === undefined) {
    return undefined
  }
  const wanted = message.headers["access-control-request-headers"] ?? ""
  const names = wanted.split(",").map((name) => name.trim().toLowerCase()).filter((name) => name !== "")
  return !methods.includes(method) || !names.every((name) => allowed.has(name)) ? undefined : {
    status: 204,
    headers: {
      "access-control-allow-origin": origin,
      "access-control-allow-credentials": "true",
      "access-control-allow-headers": wanted,
      "access-control-allow-methods": methods.join(", "),
      "access-control-max-age": "600",
      "vary": "Origin"
    },
    body: ""
  }
}
