/** Invalid requests, as a buggy client, a proxy or an attacker may send them. */
import type { Random } from "../../src/encoding/random.js"
import type { Request } from "./requests.js"

const tokens = [
  "%2e%2e",
  "%00",
  "%ff",
  "%c0%af",
  "%",
  "%zz",
  "..",
  "//",
  "\u0000",
  "[",
  "{",
  "]",
  "}",
  "\"",
  "\\u",
  "\\ud800",
  "null",
  "true",
  "-1",
  "-",
  "1e999",
  "99999999999999999999",
  "0.1",
  "{}",
  "[]",
  "\"\"",
  "\"_id\"",
  "\"_rev\":",
  "__proto__",
  "constructor",
  ",",
  ":",
  "=",
  "&",
  "?",
  "/_design/",
  "_local",
  "é",
  "💡",
  "\r\n",
  "[[[[[[[[",
  "a".repeat(500)
]

const mutateText = (random: Random, text: string): string => {
  let mutated = text
  for (let n = 1 + random.below(3); n > 0; n--) {
    const from = random.below(mutated.length + 1)
    const to = Math.min(mutated.length, from + random.below(6))
    const token = tokens[random.below(tokens.length)] ?? ""
    const kind = random.below(5)
    mutated = kind === 0
      ? mutated.slice(0, from) + mutated.slice(to)
      : kind === 1
      ? mutated.slice(0, from) + token + mutated.slice(to)
      : kind === 2
      ? mutated.slice(0, from)
      : kind === 3
      ? mutated.slice(0, to) + mutated.slice(from)
      : mutated.slice(0, from) + token + mutated.slice(from)
  }
  // UTF-8 cannot encode a lone surrogate, so no request contains one.
  return mutated.replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "")
}

const headerNames = [
  "content-type",
  "accept",
  "range",
  "if-match",
  "if-none-match",
  "destination",
  "authorization",
  "cookie",
  "content-encoding",
  "content-md5",
  "x-http-method-override",
  "last-event-id"
]

const headerValues = [
  "application/json",
  "multipart/related; boundary=\"x\"",
  "multipart/related; boundary=",
  "multipart/mixed",
  "text/plain;charset=\u00ff",
  "bytes=9-2",
  "bytes=-",
  "bytes=0-99999999999999999999",
  "bytes=1-2,4-5",
  "gzip",
  "\"1-abc\"",
  "a?rev=1-x",
  "Basic ////",
  "Basic !!!",
  "AuthSession=x",
  "Bearer x.y.z",
  "*/*;q=0",
  "",
  "DELETE"
]

const parameters = [
  "rev",
  "open_revs",
  "atts_since",
  "limit",
  "skip",
  "startkey",
  "endkey",
  "keys",
  "key",
  "since",
  "filter",
  "style",
  "descending",
  "new_edits",
  "batch",
  "reduce",
  "group_level",
  "conflicts",
  "attachments",
  "revs",
  "q",
  "partitioned",
  "w",
  "r"
]

const methods = ["GET", "HEAD", "PUT", "POST", "DELETE", "COPY", "PATCH", "OPTIONS"]

/** Adds one or several mistakes to a valid request. */
export const mutate = (random: Random, { body, headers, method, path }: Request): Request => {
  const of = (list: ReadonlyArray<string>) => list[random.below(list.length)] ?? ""
  switch (random.below(6)) {
    case 0:
      return { method: of(methods), path, headers: { ...headers }, ...(body === undefined ? {} : { body }) }
    case 1:
      return { method, path: `/${mutateText(random, path.slice(1))}`, headers: { ...headers }, ...(body && { body }) }
    case 2: {
      const mark = path.includes("?") ? "&" : "?"
      return {
        method,
        path: `${path}${mark}${of(parameters)}=${of(tokens)}`,
        headers: { ...headers },
        ...(body && { body })
      }
    }
    case 3:
      return { method, path, headers: { ...headers, [of(headerNames)]: of(headerValues) }, ...(body && { body }) }
    case 4:
      return {
        method,
        path,
        headers: { ...headers },
        body: random.below(5) === 0
          ? new Uint8Array(random.below(60)).map(() => random.below(256))
          : mutateText(random, typeof body === "string" ? body : "{\"docs\":[]}")
      }
    default:
      return mutate(random, mutate(random, { body: body ?? "", headers: headers ?? {}, method, path }))
  }
}
