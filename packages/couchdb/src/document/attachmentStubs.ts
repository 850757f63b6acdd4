import * as Option from "effect/Option"
import * as Json from "../data/Json.js"
import type { Stub } from "./attachmentStub.js"

const number = (stub: Json.JsonObject, key: string): number | undefined => {
  const value = Json.get(stub, key)
  return typeof value === "number" ? value : undefined
}

const text = (stub: Json.JsonObject, key: string): string | undefined => {
  const value = Json.get(stub, key)
  return typeof value === "string" ? value : undefined
}

/** Decodes the stubs of a document. */
export const attachmentsOf = (
  stubs: Option.Option<Json.JsonObject>
): Readonly<Record<string, Stub>> =>
  Object.fromEntries(
    Option.match(stubs, { onNone: () => [], onSome: Json.entries }).flatMap(([name, stub]) => {
      if (!Json.isObject(stub)) return []
      const encoding = text(stub, "encoding")
      const encodedLength = number(stub, "encoded_length")
      return [[name, {
        contentType: text(stub, "content_type") ?? "application/octet-stream",
        length: number(stub, "length") ?? 0,
        digest: text(stub, "digest") ?? "",
        revpos: number(stub, "revpos") ?? 0,
        ...(encoding !== undefined && { encoding }),
        ...(encodedLength !== undefined && { encodedLength })
      }]]
    })
  )
