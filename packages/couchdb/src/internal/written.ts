import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Written } from "../CouchHttp.js"
import type { Json } from "../Json.js"
import * as JsonObject from "../Json.js"
import * as Revision from "../Revision.js"
import * as Transport from "../Transport.js"

const parse = Option.liftThrowable((text: string): Json => JSON.parse(text))

/** The answer as plain JSON, or `undefined` where it is none. */
export const jsonOf = (response: Transport.BufferedResponse): Json | undefined =>
  Option.getOrUndefined(parse(Transport.text(response)))

/** A member of what may be an object. */
export const member = (json: Json | undefined, key: string): Json | undefined =>
  JsonObject.isObject(json) ? JsonObject.get(json, key) : undefined

/**
 * Whether this is what `_revs_diff` says of these documents. It names what is missing only, so that the page of a proxy
 * would say that all is there.
 */
export const isRevsDiff = (json: Json | undefined, asked: { readonly has: (id: string) => boolean }): boolean =>
  JsonObject.isObject(json) &&
  JsonObject.entries(json).every(([id, diff]) => asked.has(id) && JsonObject.isArray(member(diff, "missing")))

/** The answer to a write: its revision, and whether a quorum stored it. */
export const writtenOf = (response: Transport.BufferedResponse): Effect.Effect<Written, string> => {
  const rev = member(jsonOf(response), "rev")
  return Revision.isRevision(rev)
    ? Effect.succeed({ rev, durability: response.status === 202 ? "accepted" : "quorum" })
    : Effect.fail("the answer names no revision")
}
