import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import * as Utf8 from "../encoding/utf8.js"
import { gunzip } from "./gunzip.js"
import { parseJson } from "./parseJson.js"
import type { Checked, Refusal } from "./refusal.js"
import { badRequest, refusal, refuse, tooLarge } from "./refusal.js"

/** A parsed request. */
export interface Request {
  /** `GET` for a `HEAD` request. The engine drops the body of the response at the end. */
  readonly method: string
  readonly path: string
  readonly origin: string
  /** Decoded path segments. `undefined` for bytes that are not valid UTF-8. */
  readonly segments: ReadonlyArray<string | undefined>
  readonly query: ReadonlyArray<readonly [string, string]>
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array | undefined
  /** The maximum size of a body after decompression. */
  readonly maxBodyBytes: number
}

const badEscape = /%(?![0-9a-fA-F]{2})/

const isDigit = (byte: number): boolean =>
  (byte >= 48 && byte <= 57) || (byte >= 65 && byte <= 70) || (byte >= 97 && byte <= 102)

const isEscape = (bytes: Uint8Array, at: number): boolean => isDigit(bytes[at + 1] ?? 0) && isDigit(bytes[at + 2] ?? 0)

/** Decodes percent-encoding as CouchDB does, which reads `+` as a space even in paths. */
export const percentDecode = (text: string): string | undefined => {
  if (!/[%+]/.test(text)) return text
  const bytes: Array<number> = []
  const source = Utf8.encode(text)
  for (let i = 0; i < source.length; i++) {
    const byte = source[i] ?? 0
    if (byte === 0x25 && isEscape(source, i)) {
      bytes.push(parseInt(String.fromCharCode(source[i + 1] ?? 0, source[i + 2] ?? 0), 16))
      i += 2
    } else bytes.push(byte === 0x2b ? 0x20 : byte)
  }
  return Utf8.decode(Uint8Array.from(bytes))
}

/** Percent-encodes a path segment as CouchDB does in `Location` headers. */
export const percentEncode = (text: string): string =>
  encodeURIComponent(text).replace(
    /[!'()*~]|%3A/g,
    (part) => part === "%3A" ? ":" : `%${part.charCodeAt(0).toString(16).toUpperCase()}`
  )

const parseQuery = (text: string): ReadonlyArray<readonly [string, string]> =>
  text.split(/[&;]/).filter((part) => part !== "").map((part) => {
    const equals = part.indexOf("=")
    const key = equals < 0 ? part : part.slice(0, equals)
    return [percentDecode(key) ?? "", equals < 0 ? "" : percentDecode(part.slice(equals + 1)) ?? ""]
  })

const maxLineLength = 8_192

/** Whether a line of the request exceeds the limit of CouchDB's HTTP server. */
export const isTooLong = (
  { headers, method, target }: {
    readonly method: string
    readonly target: string
    readonly headers: Readonly<Record<string, string>>
  }
): boolean =>
  method.length + target.length + 12 > maxLineLength ||
  Object.entries(headers).some(([name, value]) => name.length + value.length + 4 >= maxLineLength)

/** Parses the target of a request. */
export const make = (options: {
  readonly method: string
  readonly target: string
  readonly origin: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array | undefined
}, maxBodyBytes: number): Checked<Request> => {
  const target = options.target.split("#", 1)[0] ?? ""
  const mark = target.indexOf("?")
  const path = mark < 0 ? target : target.slice(0, mark)
  if (badEscape.test(target)) return badRequest("invalid_url_encoding")
  const search = mark < 0 ? "" : target.slice(mark + 1)
  const override = options.headers["x-http-method-override"]
  const method = options.method === "POST" && override !== undefined && overridable.has(override)
    ? override
    : options.method
  return Either.right({
    method: method === "HEAD" ? "GET" : method,
    path,
    origin: options.origin,
    segments: path.split("/").filter((part) => part !== "").map(percentDecode),
    query: search === ""
      ? []
      : parseQuery(badEscape.test(search) ? search.replace(/%(?![0-9a-fA-F]{2})/g, "%25") : search),
    headers: options.headers,
    body: options.body,
    maxBodyBytes
  })
}

const overridable = new Set(["GET", "HEAD", "POST", "PUT", "DELETE", "COPY"])

/** The first value of a query parameter. */
export const param = (request: Request, name: string): string | undefined =>
  request.query.find(([key]) => key === name)?.[1]

/** A header, by its lower-case name. */
export const header = (request: Request, name: string): string | undefined => request.headers[name]

/** The length of the body as sent, in bytes or in UTF-16 units. */
export const bodyLength = (request: Request): number => request.body?.length ?? 0

/** Whether the request has a body, which may be empty. */
export const hasBody = ({ body }: Request): boolean => body !== undefined

const notGzip = refusal(400, "bad_request", "Request body is not properly gzipped.")

/** The response of some CouchDB endpoints to a body that is not valid gzip. */
export const dataError = (ref: number): Refusal => refusal(500, "unknown_error", "data_error", { ref })

/** The decompressed body. CouchDB supports gzip only, and compares its name exactly. */
const decompressed = (request: Request, corrupt: Refusal): Checked<string | Uint8Array> => {
  const { body, headers: { "content-encoding": given }, maxBodyBytes } = request
  if (body === undefined) return badRequest("Missing request body")
  if (given === undefined) return Either.right(body)
  const encoding = given.trim()
  if (encoding === "identity") return Either.right(body)
  if (encoding !== "gzip") {
    return refuse(415, "bad_content_type", `${encoding} is not a supported content encoding.`)
  }
  return Either.mapLeft(
    gunzip(typeof body === "string" ? Utf8.encode(body) : body, maxBodyBytes),
    (problem) => problem === "TooLarge" ? tooLarge : corrupt
  )
}

/** A JSON value, and the length of its text in bytes or in UTF-16 units. */
export interface Sized {
  readonly value: Json.Json
  readonly length: number
}

/** The body as JSON, with the length of its text after decompression. */
export const sizedJson = (request: Request, corrupt: Refusal = notGzip): Checked<Sized> =>
  Either.flatMap(decompressed(request, corrupt), (body) =>
    Either.map(
      parseJson(typeof body === "string" ? body : Utf8.decode(body)),
      (value) => ({ value, length: body.length })
    ))

/** The body as JSON. `corrupt` is the response if it is not valid gzip. */
export const json = (request: Request, corrupt?: Refusal): Checked<Json.Json> =>
  Either.map(sizedJson(request, corrupt), ({ value }) => value)

/** Rejects every content type but JSON, as most `POST` endpoints do. */
export const requireJson = (request: Request): Checked<void> => {
  const type = (header(request, "content-type") ?? "").split(";", 1)[0]?.trim()
  return type === "application/json"
    ? Either.void
    : refuse(415, "bad_content_type", "Content-Type must be application/json")
}

/** The body of an endpoint that accepts JSON objects only, with the length of its text. */
export const sizedObject = (
  request: Request
): Checked<{ readonly value: Json.JsonObject; readonly length: number }> =>
  Either.flatMap(
    requireJson(request),
    () =>
      Either.flatMap(sizedJson(request), ({ length, value }) =>
        Json.isObject(value)
          ? Either.right({ value, length })
          : badRequest("Request body must be a JSON object"))
  )

/** The body of an endpoint that accepts JSON objects only. */
export const jsonObject = (request: Request): Checked<Json.JsonObject> =>
  Either.map(sizedObject(request), ({ value }) => value)

/** Whether the client accepts this type. A client without an `Accept` header accepts every type. */
export const accepts = (request: Request, type: string): boolean => {
  const accept = header(request, "accept")
  if (accept === undefined || accept.trim() === "") return true
  const family = type.split("/", 1)[0]
  return accept.split(",").some((range) => {
    const [name = "", ...parameters] = range.split(";").map((part) => part.trim())
    if (parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter))) return false
    return name === type || name === "*/*" || name === "*" || name === `${family}/*`
  })
}
