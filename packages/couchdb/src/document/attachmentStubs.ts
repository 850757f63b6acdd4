import * as Option from "effect/Option"
import type * as Attachment from "../attachment/Attachment.js"
import * as Json from "../data/Json.js"
import type { HashedAttachment } from "../data/Revision.js"

/** What of each stub enters the revision; `None` where one of them does not say. */
export const hashedAttachments = (stubs: Json.JsonObject): Option.Option<ReadonlyArray<HashedAttachment>> =>
  Option.all(
    Json.entries(stubs).map(([name, stub]) => {
      if (!Json.isObject(stub)) return Option.none()
      const contentType = Json.get(stub, "content_type")
      const digest = Json.get(stub, "digest")
      return typeof contentType === "string" && typeof digest === "string"
        ? Option.some({ name, contentType, digest })
        : Option.none()
    })
  )

const number = (stub: Json.JsonObject, key: string): number | undefined => {
  const value = Json.get(stub, key)
  return typeof value === "number" ? value : undefined
}

const text = (stub: Json.JsonObject, key: string): string | undefined => {
  const value = Json.get(stub, key)
  return typeof value === "string" ? value : undefined
}

/** The stubs as a program sees them. */
export const attachmentsOf = (
  stubs: Option.Option<Json.JsonObject>
): Readonly<Record<string, Attachment.Stub>> =>
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
