import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Json } from "../data/Json.js"
import * as JsonObject from "../data/Json.js"
import * as Revision from "../data/Revision.js"
import type { Written } from "./CouchHttp.js"
import * as Transport from "./Transport.js"

const parse = Option.liftThrowable((text: string): Json => JSON.parse(text))

/** The answer as plain JSON, or `undefined` where it is none. */
export const jsonOf = (response: Transport.BufferedResponse): Json | undefined =>
  Option.getOrUndefined(parse(Transport.text(response)))

/** A member of what may be an object. */
export const member = (json: Json | undefined, key: string): Json | undefined =>
  JsonObject.isObject(json) ? JsonObject.get(json, key) : undefined

/** The answer to a write: its revision, and whether a quorum stored it. */
export const writtenOf = (response: Transport.BufferedResponse): Effect.Effect<Written, string> => {
  const rev = member(jsonOf(response), "rev")
  return Revision.isRevision(rev)
    ? Effect.succeed({ rev, durability: response.status === 202 ? "accepted" : "quorum" })
    : Effect.fail("the response names no revision")
}
