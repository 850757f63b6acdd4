import * as Json from "effect-couchdb/Json"
import type { DatabaseContext } from "../access/context.js"
import type { UserContext } from "../access/users.js"
import * as Utf8 from "../encoding/utf8.js"
import { parseJson } from "../http/parseJson.js"
import * as Req from "../http/request.js"
import type { Database } from "../storage/state.js"

/** The user as design functions get it. */
export const userContext = (database: Database, user: UserContext): Json.JsonObject => ({
  db: database.name,
  name: user.name,
  roles: user.roles
})

const jsonParameters = new Set(["startkey", "endkey", "key", "descending"])

const queryOf = (query: ReadonlyArray<readonly [string, string]>): Json.JsonObject =>
  Json.fromEntries(query.map(([name, value]) => {
    const parsed = jsonParameters.has(name) ? parseJson(value) : undefined
    return [name, parsed?._tag === "Right" ? parsed.right : value]
  }))

const titleCase = (name: string): string => name.replace(/(^|-)[a-z]/g, (start) => start.toUpperCase())

// Design functions get no credentials.
const credentialHeaders = new Set(["authorization", "cookie"])

const headersOf = (headers: Readonly<Record<string, string>>): Json.JsonObject =>
  Json.fromEntries(
    Object.entries(headers).filter(([name]) => !credentialHeaders.has(name)).sort(([left], [right]) =>
      left < right ? -1 : 1
    )
      .map(([name, value]) => [titleCase(name), value])
  )

const formOf = (request: DatabaseContext["request"], body: string): Json.JsonObject =>
  request.headers["content-type"]?.startsWith("application/x-www-form-urlencoded") === true
    ? Json.fromEntries(new URLSearchParams(body))
    : {}

/** The request as design functions get it. */
export const requestObject = (
  context: DatabaseContext,
  id: string | null,
  info: Json.JsonObject
): Json.JsonObject => {
  const { database, request, server, user } = context
  const path = request.segments.map((part) => part ?? "")
  const search = (show: (text: string) => string): string =>
    request.query.map(([name, value], i) => `${i === 0 ? "?" : "&"}${show(name)}=${show(value)}`).join("")
  const body = request.body === undefined || request.body.length === 0
    ? "undefined"
    : typeof request.body === "string"
    ? request.body
    : Utf8.decode(request.body) ?? ""
  return {
    info,
    uuid: server.nextId(),
    id,
    method: request.method,
    // CouchDB appends the query to the last segment.
    requested_path: path.map((part, i) => i === path.length - 1 ? part + search((text) => text) : part),
    path,
    raw_path: request.path + search(Req.percentEncode),
    query: queryOf(request.query),
    headers: headersOf(request.headers),
    body,
    peer: "127.0.0.1",
    form: formOf(request, body),
    cookie: {},
    userCtx: userContext(database, user),
    secObj: database.security
  }
}
