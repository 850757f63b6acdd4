import { sha256 } from "@noble/hashes/sha2"
import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import type { Checked } from "../http/refusal.js"
import { refusal, refuse } from "../http/refusal.js"
import type { Incoming } from "../storage/incoming.js"
import * as RevisionTree from "../storage/revisionTree.js"
import type { Database, Server } from "../storage/state.js"
import { deriveKey } from "./deriveKey.js"

/** The user of a request. */
export interface UserContext {
  readonly name: string | null
  readonly roles: ReadonlyArray<string>
}

export const anonymous: UserContext = { name: null, roles: [] }

export const isServerAdmin = (user: UserContext): boolean => user.roles.includes("_admin")

const strings = (value: Json.Json | undefined): ReadonlyArray<string> =>
  Json.isArray(value) ? value.filter((item) => typeof item === "string") : []

const securityGroup = (database: Database, group: "admins" | "members") => {
  const value = Json.get(database.security, group)
  const names = Json.isObject(value) ? strings(Json.get(value, "names")) : []
  const roles = Json.isObject(value) ? strings(Json.get(value, "roles")) : []
  return { names, roles }
}

const isIn = (user: UserContext, { names, roles }: ReturnType<typeof securityGroup>): boolean =>
  (user.name !== null && names.includes(user.name)) || roles.some((role) => user.roles.includes(role))

export const isDatabaseAdmin = (database: Database, user: UserContext): boolean =>
  isServerAdmin(user) || isIn(user, securityGroup(database, "admins"))

export const isMember = (database: Database, user: UserContext): boolean => {
  const members = securityGroup(database, "members")
  return (members.names.length === 0 && members.roles.length === 0) || isIn(user, members) ||
    isDatabaseAdmin(database, user)
}

const forbid = (reason: string): Either.Either<never, ReturnType<typeof refusal>> => refuse(403, "forbidden", reason)

const idPrefix = "org.couchdb.user:"

/** The validation function of `_users`. */
const validateUser = ({ body, deleted, id }: Incoming): Checked<void> => {
  if (deleted) return Either.void
  const name = Json.get(body, "name")
  const roles = Json.get(body, "roles")
  if (Json.get(body, "type") !== "user") return forbid("doc.type must be user")
  if (typeof name !== "string" || name === "") return forbid("doc.name is required")
  if (roles === undefined || roles === null) return forbid("doc.roles must exist")
  if (!Json.isArray(roles)) return forbid("doc.roles must be an array")
  if (!roles.every((role) => typeof role === "string")) return forbid("doc.roles can only contain strings")
  if (id !== idPrefix + name) return forbid("Doc ID must be of the form org.couchdb.user:name")
  if (Json.has(body, "password_sha") && !Json.has(body, "salt")) {
    return forbid("Users with password_sha must have a salt.See /_utils/script/couch.js for example code.")
  }
  if (Json.get(body, "password_scheme") === "pbkdf2" && typeof Json.get(body, "iterations") !== "number") {
    return forbid("iterations must be a number.")
  }
  if (roles.some((role) => typeof role === "string" && role.startsWith("_"))) {
    return forbid("No system roles (starting with underscore) in users db.")
  }
  if (name.startsWith("_")) return forbid("Username may not start with underscore.")
  return name.includes(":") ? forbid("Character `:` is not allowed in usernames.") : Either.void
}

/** Whether the user may write the document to the database. */
export const validate = (
  _server: Server,
  database: Database,
  user: UserContext,
  document: Incoming
): Checked<void> => {
  if (document.id.startsWith("_design/")) {
    return isDatabaseAdmin(database, user)
      ? Either.void
      : Either.left(
        refusal(
          user.name === null ? 401 : 403,
          user.name === null ? "unauthorized" : "forbidden",
          "You are not a db or server admin."
        )
      )
  }
  return database.name === "_users" ? validateUser(document) : Either.void
}

const passwordFields = new Set([
  "derived_key",
  "iterations",
  "password",
  "password_scheme",
  "password_sha",
  "preserve_salt",
  "pbkdf2_prf",
  "salt"
])

/** Replaces the password of a document in `_users` by its hash. */
export const hashPassword = (server: Server, document: Incoming): Checked<Incoming> => {
  const password = Json.get(document.body, "password")
  if (password === undefined || password === null) return Either.right(document)
  if (typeof password !== "string") {
    return forbid(`Password value of '${Json.stringify(password)}' is invalid.`)
  }
  const salt = server.random.hex(32)
  const { iterations } = server.node
  return Either.right({
    ...document,
    body: Json.fromEntries([
      ["password_scheme", "pbkdf2"],
      ["pbkdf2_prf", "sha256"],
      ["salt", salt],
      ["iterations", iterations],
      ["derived_key", deriveKey(password, salt, iterations)],
      ...Json.entries(document.body).filter(([key]) => !passwordFields.has(key))
    ])
  })
}

const wrongPassword = refusal(401, "unauthorized", "Name or password is incorrect.")

/** A user who can log in. */
export interface Account {
  readonly user: UserContext
  /** The salt of the password hash. */
  readonly salt: string
  readonly matches: (password: string) => boolean
}

/** The account with this name. */
export const account = (server: Server, name: string): Account | undefined => {
  const { admin } = server
  if (admin !== undefined && admin.username === name) {
    return {
      user: { name, roles: ["_admin"] },
      salt: server.adminSalt,
      matches: (password) => admin.password === password
    }
  }
  const record = server.databases.get("_users")?.documents.get(idPrefix + name)
  const version = record === undefined ? undefined : RevisionTree.winner(record.tree)?.version
  if (version === undefined || version.deleted) return undefined
  const [salt, iterations, key] = ["salt", "iterations", "derived_key"].map((member) => Json.get(version.body, member))
  return {
    user: { name, roles: strings(Json.get(version.body, "roles")) },
    salt: typeof salt === "string" ? salt : "",
    matches: (password) => {
      if (typeof salt !== "string" || typeof iterations !== "number" || iterations > 1_000_000) return false
      if (typeof key !== "string" || Json.get(version.body, "pbkdf2_prf") !== "sha256") return false
      // CouchDB too derives the key of a valid password only once.
      const { passwords } = server.node
      const known = Encoding.encodeHex(sha256(`${key}:${salt}:${password}`))
      if (passwords.get(name) === known) return true
      const right = deriveKey(password, salt, iterations) === key
      if (right) passwords.set(name, known)
      return right
    }
  }
}

/** The user, if the password is correct. */
export const login = (server: Server, username: string, password: string): Checked<UserContext> => {
  const found = account(server, username)
  return found?.matches(password) === true ? Either.right(found.user) : Either.left(wrongPassword)
}
