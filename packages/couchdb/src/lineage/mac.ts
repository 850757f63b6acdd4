import { hmac } from "@noble/hashes/hmac"
import { sha256 } from "@noble/hashes/sha2"
import * as Redacted from "effect/Redacted"
import { encodeUtf8, hex } from "../data/bytes.js"
import * as Json from "../data/Json.js"
import { canonical } from "../data/json/canonical.js"
import type { Settings } from "../document/recorder.js"
import type { Field } from "./model.js"
import { decodeField } from "./record.js"
import { isEnabled } from "./rules.js"

const member = "mac"

const withoutMac = (field: Json.JsonObject): Json.JsonObject =>
  Json.has(field, member) ? Json.fromEntries(Json.entries(field).filter(([key]) => key !== member)) : field

/**
 * The first 128 bits of HMAC-SHA256 over the document id and the field in canonical JSON. The field contains the parent
 * of its revision and the hash of the content. The id prevents copying a signed field to another document with the same
 * revisions. Newer formats must compute the MAC in the same way, or they count as forged.
 */
const macOf = (key: Redacted.Redacted, id: string, field: Json.JsonObject): string =>
  hex(hmac(sha256, encodeUtf8(Redacted.value(key)), encodeUtf8(canonical([id, withoutMac(field)])))).slice(0, 32)

/** The field as it is stored: with the MAC of the first key, and its members in canonical order. */
export const signed = ({ mac: [key] }: Settings, id: string, field: Json.JsonObject): Json.JsonObject =>
  key === undefined
    ? field
    : Json.fromEntries(
      [...Json.entries(withoutMac(field)), [member, macOf(key, id, field)] as const].sort(([a], [b]) => a < b ? -1 : 1)
    )

const isGenuine = (settings: Settings, id: string, field: Json.JsonObject): boolean => {
  const { mac } = settings
  return mac.length === 0 || !isEnabled(settings, "trust") ||
    mac.some((key) => Json.get(field, member) === macOf(key, id, field))
}

/** Decodes a field if its MAC matches one of the keys. Without keys, every field is accepted. */
export const verifiedField = (settings: Settings, id: string, json: Json.Json | undefined): Field =>
  Json.isObject(json) && !isGenuine(settings, id, json) ? { _tag: "None" } : decodeField(json)

/** A field without bodies and journals. It is signed only if the original field is genuine. */
export const strippedField = (settings: Settings, id: string, json: Json.Json | undefined): Json.Json | undefined => {
  if (!Json.isObject(json)) return json
  const stripped = Json.fromEntries(Json.entries(json).filter(([key]) => key !== "path" && key !== "doc"))
  return isGenuine(settings, id, json) ? signed(settings, id, stripped) : withoutMac(stripped)
}
