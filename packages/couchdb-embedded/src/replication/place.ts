import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import type { Context, DatabaseContext } from "../access/context.js"
import { openDatabase } from "../access/context.js"
import { anonymous, isServerAdmin, login } from "../access/users.js"
import { atom, json, list, type Term, tuple } from "../encoding/externalTerm.js"
import * as Utf8 from "../encoding/utf8.js"
import type { Checked } from "../http/refusal.js"
import { notImplemented, refuse } from "../http/refusal.js"
import * as Req from "../http/request.js"

/** The source or target of a replication: a database and the user who accesses it. */
export interface Endpoint {
  readonly name: string
  /** The URL without credentials. */
  readonly url: string
  /** Identifies the endpoint in replication ids. For a URL, it is the term that CouchDB makes of it. */
  readonly key: Term
  readonly context: Context
}

const missing = refuse(500, "error", "Missing replicator database")

const parseBasic = (value: Json.Json | undefined): readonly [string, string] | undefined => {
  const bytes = typeof value === "string" && value.startsWith("Basic ")
    ? Encoding.decodeBase64(value.slice(6).trim())
    : undefined
  const text = bytes?._tag === "Right" ? Utf8.decode(bytes.right) : undefined
  const colon = text?.indexOf(":") ?? -1
  return text === undefined || colon < 0 ? undefined : [text.slice(0, colon), text.slice(colon + 1)]
}

const member = (value: Json.Json | undefined, name: string): Json.Json | undefined =>
  value !== undefined && Json.isObject(value) ? Json.get(value, name) : undefined

/** The credentials in an object, which has two formats for them. */
const credentialsOf = (value: Json.Json): readonly [string, string] | undefined => {
  const given = member(member(value, "auth"), "basic")
  const [user, password] = [member(given, "username"), member(given, "password")]
  return typeof user === "string" && typeof password === "string"
    ? [user, password]
    : parseBasic(member(member(value, "headers"), "Authorization") ?? member(member(value, "headers"), "authorization"))
}

const defaultPorts = new Set(["http:80", "http:5984", "https:443"])

/** Erlang represents strings as lists of bytes. */
const chars = (text: string): Term => json(Array.from(Utf8.encode(text)))

/** The headers without credentials. */
const headersOf = (value: Json.Json): ReadonlyArray<readonly [string, Json.Json]> => {
  const headers = member(value, "headers")
  return headers !== undefined && Json.isObject(headers)
    ? Json.entries(headers)
      .filter(([name, text]) => name.toLowerCase() !== "authorization" || parseBasic(text) === undefined)
      .sort(([a], [b]) => Utf8.compare(a, b))
    : []
}

const keyOf = (text: string, url: URL, user: string | undefined, value: Json.Json): Term => {
  const scheme = url.protocol.slice(0, -1)
  const port = url.port === "" ? (scheme === "https" ? 443 : 80) : Number(url.port)
  // The path as given, without normalisation.
  const path = /^https?:\/\/[^/?#]*([^?#]*)/.exec(text)?.[1] ?? ""
  return tuple(
    atom("remote"),
    user === undefined ? atom("undefined") : chars(user),
    chars(url.hostname),
    defaultPorts.has(`${scheme}:${port}`) ? atom("default") : json(port),
    chars(path.endsWith("/") ? path : `${path}/`),
    list(headersOf(value).map(([name, text]) => tuple(chars(name), chars(String(text))))),
    atom("undefined")
  )
}

const remote = (context: Context, text: string, value: Json.Json): Checked<Endpoint> =>
  Either.gen(function*() {
    const url = URL.canParse(text) ? new URL(text) : undefined
    const own = URL.canParse(context.request.origin) ? new URL(context.request.origin) : undefined
    if (url === undefined || own === undefined || url.host !== own.host) {
      return yield* notImplemented("replication with other servers")
    }
    const name = Req.percentDecode(url.pathname.replace(/^\/|\/$/g, "")) ?? ""
    const credentials: readonly [string, string] | undefined = url.username === ""
      ? credentialsOf(value)
      : [decodeURIComponent(url.username), decodeURIComponent(url.password)]
    const nobody = context.server.admin === undefined ? { name: null, roles: ["_admin"] } : anonymous
    const user = credentials === undefined
      ? nobody
      : Either.getOrElse(login(context.server, ...credentials), () => nobody)
    return {
      name,
      url: `${url.protocol}//${url.host}/${Req.percentEncode(name)}/`,
      key: keyOf(text, url, credentials?.[0], value),
      context: { ...context, user }
    }
  })

/** Parses a source or a target: a name, a URL, or an object with a URL. */
export const parse = (context: Context, value: Json.Json | undefined): Checked<Endpoint> => {
  if (value === undefined || value === null) return missing
  const text = Json.isObject(value) ? Json.get(value, "url") : value
  if (typeof text !== "string" && typeof text !== "number") return missing
  const name = String(text)
  return /^https?:\/\//.test(name) ? remote(context, name, value) : Either.right({
    name,
    url: `${context.request.origin}/${Req.percentEncode(name)}/`,
    key: tuple(atom("local"), json(context.user.name), json(name)),
    context
  })
}

/** Opens the database, or reports CouchDB's error. */
export const open = ({ context, name, url }: Endpoint): Checked<DatabaseContext> => {
  const opened = openDatabase(context, name)
  if (Either.isLeft(opened)) {
    return opened.left.status === 404
      ? refuse(500, "db_not_found", `could not open ${url}`)
      : context.user.name === null
      ? refuse(401, "unauthorized", `unauthorized to access or create database ${url}`)
      : refuse(403, "forbidden", url)
  }
  return name.startsWith("_") && !isServerAdmin(context.user) ? refuse(403, "forbidden", url) : opened
}
