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

/** All that an endpoint is given. */
export interface Context {
  readonly server: Server
  readonly request: Request
  readonly user: UserContext
  /** What named the user: a cookie, a token, a proxy, or basic credentials. */
  readonly authenticated: "cookie" | "jwt" | "proxy" | "default" | undefined
  /** Milliseconds since the epoch. */
  readonly now: number
  readonly beforeWrite: BeforeWrite
}

/** An endpoint of a database. */
export interface DatabaseContext extends Context {
  readonly database: Database
}

/** An answer; where there is a `rest`, it follows the body, piece by piece, as it happens. */
export interface Reply extends BufferedResponse {
  readonly rest?: Stream<string, TransportError>
}

/** The body of a streamed answer that is all there, for whoever can send it at once. */
export interface Whole {
  readonly whole: string | Uint8Array
}

export type Answer = Checked<Reply>

/** The endpoint for the method, or a refusal that names the methods that there are. */
export const byMethod = (
  context: { readonly request: Request },
  endpoints: Readonly<Record<string, () => Answer>>,
  allow: string
): Answer => {
  const endpoint = Object.hasOwn(endpoints, context.request.method) ? endpoints[context.request.method] : undefined
  return endpoint === undefined ? Either.left(methodNotAllowed(allow)) : endpoint()
}

/** The database, for whoever may see it. */
export const openDatabase = (context: Context, name: string): Checked<DatabaseContext> => {
  const database = context.server.databases.get(name)
  if (database === undefined) return Either.left(noDatabase)
  return isMember(database, context.user)
    ? Either.right({ ...context, database })
    : Either.left(noDatabaseAccess(context.user.name === null))
}

/** A part of the path, which CouchDB takes as the id of a document wherever it is text. */
export const segment = (request: Request, index: number): Checked<string> => {
  const part = request.segments[index]
  if (part !== undefined) return Either.right(part)
  return index < request.segments.length
    ? refuse(400, "illegal_docid", "Document id must be valid UTF-8")
    : Either.left(missing)
}
