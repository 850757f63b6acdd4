import { hmac } from "@noble/hashes/hmac"
import { sha256 } from "@noble/hashes/sha2"
import * as Redacted from "effect/Redacted"
import { encodeUtf8, hex } from "../data/bytes.js"
import * as Json from "../data/Json.js"
import { canonical } from "../data/json/canonical.js"
import type { Settings } from "../document/recorder.js"
import type { Field } from "./model.js"
import { decodeField } from "./record.js"
import { holds } from "./rules.js"

const member = "mac"

const unsealed = (field: Json.JsonObject): Json.JsonObject =>
  Json.has(field, member) ? Json.fromEntries(Json.entries(field).filter(([key]) => key !== member)) : field

/**
 * The first 128 bits of HMAC-SHA256 over the document's id and the field in canonical JSON. The field holds its revision's
 * parent and the hash of its content; without the id, what was signed of one document could be put into another, which
 * may have the same revisions. Newer formats are to keep this as it is, or they would be taken for forgeries.
 */
const macOf = (key: Redacted.Redacted, id: string, field: Json.JsonObject): string =>
  hex(hmac(sha256, encodeUtf8(Redacted.value(key)), encodeUtf8(canonical([id, unsealed(field)])))).slice(0, 32)

/** The field as it is stored: with the first key's mac, its keys in canonical order. */
export const sealed = ({ mac: [key] }: Settings, id: string, field: Json.JsonObject): Json.JsonObject =>
  key === undefined
    ? field
    : Json.fromEntries(
      [...Json.entries(unsealed(field)), [member, macOf(key, id, field)] as const].sort(([a], [b]) => a < b ? -1 : 1)
    )

const isGenuine = (settings: Settings, id: string, field: Json.JsonObject): boolean => {
  const { mac } = settings
  return mac.length === 0 || !holds(settings, "trust") ||
    mac.some((key) => Json.get(field, member) === macOf(key, id, field))
}

/** What a field says that was written by somebody who has a key. Where no keys are kept, everybody has. */
export const believed = (settings: Settings, id: string, json: Json.Json | undefined): Field =>
  Json.isObject(json) && !isGenuine(settings, id, json) ? { _tag: "None" } : decodeField(json)

/** A field without what it says of bodies. Whoever slims a forged one does not make it genuine. */
export const slimmed = (settings: Settings, id: string, json: Json.Json | undefined): Json.Json | undefined => {
  if (!Json.isObject(json)) return json
  const slim = Json.fromEntries(Json.entries(json).filter(([key]) => key !== "path" && key !== "doc"))
  return isGenuine(settings, id, json) ? sealed(settings, id, slim) : unsealed(slim)
}
