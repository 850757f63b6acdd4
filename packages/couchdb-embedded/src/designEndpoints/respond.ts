import * as Json from "effect-couchdb/Json"
import type { BufferedResponse } from "effect-couchdb/Transport"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import { print } from "../encoding/printJson.js"
import { erlangPretty } from "../encoding/termText.js"
import type { Checked } from "../http/refusal.js"
import { refuse } from "../http/refusal.js"

interface Parts {
  readonly status: number
  readonly type: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array
  readonly json: boolean
}

const text = (value: Json.Json): string => typeof value === "string" ? value : print(value)

const invalid = (name: string, value: Json.Json): Checked<never> =>
  refuse(
    500,
    "external_response_error",
    `Invalid data from external server: {${erlangPretty(name)},${erlangPretty(value)}}`
  )

const apply = (parts: Parts, name: string, value: Json.Json): Checked<Parts> => {
  switch (name) {
    case "":
    case "stop":
      return Either.right(parts)
    case "code":
      return typeof value === "number" ? Either.right({ ...parts, status: value }) : invalid(name, value)
    case "json":
      return Either.right({ ...parts, type: "application/json", body: `${print(value)}\n`, json: true })
    case "body":
      return Either.right({ ...parts, type: "text/html; charset=utf-8", body: text(value) })
    case "base64": {
      const bytes = Encoding.decodeBase64(text(value))
      return Either.isLeft(bytes)
        ? invalid(name, value)
        : Either.right({ ...parts, type: "application/binary", body: bytes.right })
    }
    case "headers":
      return Json.isObject(value)
        ? Either.right({
          ...parts,
          headers: Object.fromEntries(Json.entries(value).map(([key, header]) => [key.toLowerCase(), text(header)]))
        })
        : invalid(name, value)
    default:
      return invalid(name, value)
  }
}

/** The HTTP response for the result of a design function. */
export const respond = (
  made: Json.Json,
  status: number,
  more: Readonly<Record<string, string>>
): Checked<BufferedResponse> => {
  const members: ReadonlyArray<readonly [string, Json.Json]> = Json.isObject(made)
    ? Json.entries(made)
    : [["body", made]]
  let parts: Checked<Parts> = Either.right({ status, type: "application/json", headers: {}, body: "", json: false })
  for (const [name, value] of members) parts = Either.flatMap(parts, (before) => apply(before, name, value))
  return Either.map(parts, ({ body, headers, json, status, type }) => ({
    status,
    headers: {
      "content-type": type,
      ...(json ? { "cache-control": "must-revalidate" } : { "content-security-policy": "sandbox" }),
      ...headers,
      ...more
    },
    body
  }))
}
