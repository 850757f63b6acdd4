import type { TransportError } from "effect-couchdb/CouchError"
import type { BufferedResponse } from "effect-couchdb/Transport"
import * as Either from "effect/Either"
import type { Stream } from "effect/Stream"
import type { Checked } from "../http/refusal.js"
import { methodNotAllowed, missing, noDatabase, noDatabaseAccess, refuse } from "../http/refusal.js"
import type { Request } from "../http/request.js"
import type { Incoming } from "../storage/incoming.js"
import type { Database, Server } from "../storage/state.js"
import type { UserContext } from "./users.js"
import { isMember } from "./users.js"

/**
 * Checks a document before it is written, and may change it, as CouchDB's `before_doc_update` does. `newEdits` is
 * `false` if replication writes the document.
 */
export type BeforeWrite = (context: DatabaseContext, document: Incoming, newEdits: boolean) => Checked<Incoming>

/** What every endpoint gets. */
export interface Context {
  readonly server: Server
  readonly request: Request
  readonly user: UserContext
  /** How the user was authenticated: by a cookie, a token, a proxy, or basic credentials. */
  readonly authenticated: "cookie" | "jwt" | "proxy" | "default" | undefined
  /** Milliseconds since the epoch. */
  readonly now: number
  readonly beforeWrite: BeforeWrite
}

/** What every endpoint of a database gets. */
export interface DatabaseContext extends Context {
  readonly database: Database
}

/** A response. `rest` is a stream of text that follows the body. */
export interface Reply extends BufferedResponse {
  readonly rest?: Stream<string, TransportError>
}

/** The complete body of a streamed response, so that the HTTP server can send it at once. */
export interface Whole {
  readonly whole: string | Uint8Array
}

export type CheckedReply = Checked<Reply>

/** Calls the endpoint for the method. Responds with 405 and the allowed methods if there is none. */
export const byMethod = (
  context: { readonly request: Request },
  endpoints: Readonly<Record<string, () => CheckedReply>>,
  allow: string
): CheckedReply => {
  const endpoint = Object.hasOwn(endpoints, context.request.method) ? endpoints[context.request.method] : undefined
  return endpoint === undefined ? Either.left(methodNotAllowed(allow)) : endpoint()
}

/** The database, if the user may read it. */
export const openDatabase = (context: Context, name: string): Checked<DatabaseContext> => {
  const database = context.server.databases.get(name)
  if (database === undefined) return Either.left(noDatabase)
  return isMember(database, context.user)
    ? Either.right({ ...context, database })
    : Either.left(noDatabaseAccess(context.user.name === null))
}

/** A path segment. CouchDB reports invalid UTF-8 as an illegal document id. */
export const segment = (request: Request, index: number): Checked<string> => {
  const part = request.segments[index]
  if (part !== undefined) return Either.right(part)
  return index < request.segments.length
    ? refuse(400, "illegal_docid", "Document id must be valid UTF-8")
    : Either.left(missing)
}
