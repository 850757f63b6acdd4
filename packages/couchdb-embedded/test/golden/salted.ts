/**
 * Documents with a password.
 *
 * The salt of a password is random, so the derived key and the revision differ between runs. They are removed if they
 * follow from the salt, and stay otherwise.
 */
import * as Json from "effect-couchdb/Json"
import * as Revision from "effect-couchdb/Revision"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import { pbkdf2Sync } from "node:crypto"
import type { Step } from "./transcript.js"
import { recorded, steps } from "./transcript.js"

const texts = (text: string, ...names: ReadonlyArray<string>): ReadonlyArray<string> =>
  names.map((name) => new RegExp(`"${name}":"?([^",}]*)`).exec(text)?.[1] ?? "")

/** The salt, the key and the revision of a document with this password, if key and revision follow from the salt. */
const follows = (document: string, password: string): ReadonlyArray<readonly [string, string]> => {
  const [salt = "", key = "", iterations = "", rev = ""] = texts(document, "salt", "derived_key", "iterations", "_rev")
  const body = Json.parse(document)
  if (!/^[0-9a-f]{32}$/.test(salt) || Either.isLeft(body) || !Json.isObject(body.right)) return []
  const derived = Encoding.encodeHex(pbkdf2Sync(password, salt, Number(iterations), 32, "sha256"))
  const predicted = Revision.predict({
    parent: Option.none(),
    body: Json.fromEntries(Json.entries(body.right).filter(([name]) => !name.startsWith("_"))),
    deleted: false,
    attachments: []
  })
  return derived === key && Option.contains(predicted, rev) ? [[salt, "SALT"], [key, "KEY"], [rev, "REV"]] : []
}

const passwordOf = (step: Step): string | undefined =>
  texts(
    JSON.stringify(steps.find(({ method, path }) => method === "PUT" && path === step.path)?.reqBody),
    "password"
  )[0]

/** Whether the response of a step has a document with a password. */
export const isSalted = ({ path }: Step): boolean => path.startsWith("/_users/org.couchdb.user:")

/** The document of a step in the transcript. */
export const recordedDocument = ({ path }: Step): string => {
  const read = steps.find((step) => step.method === "GET" && step.path === path && step.status === 200)
  return read === undefined ? "" : recorded(read)
}

/** Removes what follows from the salt. */
export const withoutSalt = (step: Step, text: string, document: string): string =>
  follows(document, passwordOf(step) ?? "").reduce((rest, [value, name]) => rest.replaceAll(value, name), text)
