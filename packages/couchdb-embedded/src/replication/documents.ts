import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import type { Context, DatabaseContext } from "../access/context.js"
import { isDatabaseAdmin } from "../access/users.js"
import { erlangPretty } from "../encoding/termText.js"
import type { Checked, Refusal } from "../http/refusal.js"
import { refuse } from "../http/refusal.js"
import type { Incoming } from "../storage/incoming.js"
import type { Replication } from "./replication.js"
import { parse } from "./replication.js"

const forbidden = (reason: string): Either.Either<never, Refusal> => refuse(403, "forbidden", reason)

const withOwner = (body: Json.JsonObject, name: string | null): Json.JsonObject =>
  Json.has(body, "owner")
    ? Json.fromEntries(Json.entries(body).map(([key, value]) => [key, key === "owner" ? name : value]))
    : Json.fromEntries([...Json.entries(body), ["owner", name]])

const claimOwnership = ({ database, user }: DatabaseContext, body: Json.JsonObject): Checked<Json.JsonObject> => {
  const owner = Json.get(body, "owner")
  if (owner === undefined) return Either.right(withOwner(body, user.name))
  if (owner === user.name) return Either.right(body)
  if (!isDatabaseAdmin(database, user)) return forbidden("Can't update replication documents from other users.")
  return Either.right(owner === null ? withOwner(body, user.name) : body)
}

/** Whether an endpoint is a plain database name, which documents may not use. */
const isLocal = (value: Json.Json | undefined): boolean => {
  const url = value !== undefined && Json.isObject(value) ? Json.get(value, "url") : value
  return typeof url === "string" && !/^https?:\/\//.test(url)
}

/** The replication of a document, or why it is invalid, in CouchDB's words. */
export const parseReplication = (context: Context, body: Json.JsonObject): Checked<Replication> => {
  const ends = [Json.get(body, "source"), Json.get(body, "target")]
  if (ends.some((end) => typeof end === "number")) return forbidden("{error,function_clause}")
  if (ends.some(isLocal)) return forbidden("local_endpoints_not_supported")
  return Either.mapLeft(parse(context, body), (refused) => ({
    ...refused,
    reason: refused.error === "bad_request" ? `{throw,{bad_request,${erlangPretty(refused.reason)}}}` : refused.reason
  }))
}

/** Sets the owner of a document in `_replicator`, and rejects invalid replications. */
export const prepare = (context: DatabaseContext, document: Incoming): Checked<Incoming> => {
  const { body, deleted, id } = document
  if (id.startsWith("_design/") || id.startsWith("_local/")) {
    return Either.right(document)
  }
  return Either.flatMap(claimOwnership(context, body), (owned): Checked<Incoming> => {
    const next = { ...document, body: owned }
    if (deleted || Json.get(body, "_replication_state") === "failed") return Either.right(next)
    const parsed = parseReplication(context, owned)
    // A replication that the engine does not support is stored. The scheduler reports its failure.
    if (Either.isRight(parsed) || parsed.left.status === 501) return Either.right(next)
    const { reason } = parsed.left
    return forbidden(typeof reason === "string" ? reason : Json.stringify(reason))
  })
}
