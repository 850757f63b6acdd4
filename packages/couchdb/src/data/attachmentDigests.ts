import * as Option from "effect/Option"
import * as Json from "./Json.js"
import type { HashedAttachment } from "./Revision.js"

/** The hashed part of each stub; `None` if one of them lacks its content type or digest. */
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
