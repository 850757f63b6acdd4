import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import type { BeforeWrite, Context, Reply } from "../access/context.js"
import * as Session from "../access/session.js"
import * as TokenAndProxy from "../access/tokenAndProxy.js"
import type { UserContext } from "../access/users.js"
import { anonymous, hashPassword, login } from "../access/users.js"
import * as RandomSource from "../encoding/random.js"
import * as Utf8 from "../encoding/utf8.js"
import type { Functions } from "../functions/sources.js"
import type { Checked } from "../http/refusal.js"
import { badRequest, refusal } from "../http/refusal.js"
import type { Request } from "../http/request.js"
import * as Req from "../http/request.js"
import * as Response from "../http/response.js"
import * as ReplicationDocuments from "../replication/documents.js"
import * as Scheduler from "../replication/scheduler.js"
import { version } from "../server/server.js"
import * as Node from "../storage/nodeInfo.js"
import type { Credentials, Server } from "../storage/state.js"
import { addDatabase, makeDatabase } from "../storage/state.js"
import type { Keeper } from "../storage/store.js"
import * as Watchers from "../storage/watchers.js"
import * as DatabaseRoutes from "./databaseRoutes.js"
import * as ServerRoutes from "./serverRoutes.js"

/** Makes an engine, with the data of its keeper if there is one. */
export const make = (options: {
  readonly seed: number
  readonly shards: number
  readonly admin: Credentials | undefined
  readonly functions: Functions
  readonly now: number
  readonly node: string
  readonly arrival: Node.Node["arrival"] | undefined
  readonly iterations: number
  readonly maxBodyBytes: number
  readonly keeper?: Keeper | undefined
}): Server => {
  const { keeper } = options
  // Each restart gets its own seed. Otherwise it would generate the ids of the previous run again.
  const seed = options.seed + (keeper?.lives ?? 0) * 0x9e3779b1
  const random = RandomSource.make(seed)
  // A separate generator, so that ids do not depend on whether there are logins.
  const secrets = RandomSource.make(seed ^ 0x5ec2e7)
  const fresh = { uuid: random.hex(32), adminSalt: secrets.hex(32), secret: secrets.hex(32) }
  const { adminSalt, secret, uuid } = keeper?.identify(fresh) ?? fresh
  const server: Server = {
    uuid,
    defaultShards: options.shards,
    admin: options.admin,
    adminSalt,
    secret,
    random,
    // A separate generator, so that ids do not depend on other requests.
    nextId: RandomSource.sequentialIds(RandomSource.make(seed ^ 0x1d5)),
    databases: keeper?.holdings.databases ?? new Map(),
    functions: options.functions,
    jobs: new Map(),
    updates: keeper?.holdings.updates ?? { log: new Map(), watchers: Watchers.make(), seq: 0 },
    journal: keeper?.journal,
    maxBodyBytes: options.maxBodyBytes,
    node: Node.make({
      name: options.node,
      uuid,
      started: options.now,
      arrival: options.arrival ?? ((open) => open[open.length === 1 ? 0 : random.below(open.length)] ?? 0),
      iterations: options.iterations
    })
  }
  for (const database of server.databases.values()) database.journal = server.journal
  for (const name of options.admin === undefined ? [] : ["_users", "_global_changes", "_replicator"]) {
    if (server.databases.has(name)) continue
    addDatabase(
      server,
      makeDatabase({
        name,
        instance: random.hex(32),
        created: Math.floor(options.now / 1000),
        shards: options.shards,
        replicas: 1,
        partitioned: false
      })
    )
  }
  return server
}

interface Authenticated {
  readonly user: UserContext
  readonly authenticated: Context["authenticated"]
}

/** The user of a request: by cookie, by token or proxy, or by basic credentials. */
const authenticate = (
  server: Server,
  request: Request,
  now: number
): Checked<Authenticated & { renewal?: string | undefined }> =>
  Either.gen(function*() {
    const session = yield* Session.read(server, request, now)
    if (session !== undefined) return { ...session, authenticated: "cookie" as const }
    const externalUser = yield* TokenAndProxy.read(server, request, now)
    return externalUser ?? (yield* byCredentials(server, request))
  })

/**
 * The user of the basic credentials. Without credentials, an anonymous user, or an administrator if the server has
 * none.
 */
const byCredentials = (server: Server, request: Request): Checked<Authenticated> => {
  const value = Req.header(request, "authorization")
  if (value?.startsWith("Basic ") === true) {
    const bytes = Encoding.decodeBase64(value.slice(6).trim())
    const text = Either.isRight(bytes) ? Utf8.decode(bytes.right) : undefined
    if (text === undefined) return badRequest("Authorization header has invalid base64 value")
    const colon = text.indexOf(":")
    if (colon >= 0 && text !== "_:_") {
      return Either.map(
        login(server, text.slice(0, colon), text.slice(colon + 1)),
        (user) => ({ user, authenticated: "default" as const })
      )
    }
  }
  return Either.right({
    user: server.admin === undefined ? { name: null, roles: ["_admin"] } : anonymous,
    authenticated: undefined
  })
}

const beforeWrite: BeforeWrite = (context, document, newEdits) => {
  switch (context.database.name) {
    case "_users":
      return hashPassword(context.server, document)
    case "_replicator":
      return newEdits ? ReplicationDocuments.prepare(context, document) : Either.right(document)
    default:
      return Either.right(document)
  }
}

const route = (server: Server, request: Request, now: number): Checked<Reply> =>
  Either.flatMap(authenticate(server, request, now), ({ authenticated, renewal, user }) => {
    const context: Context = { server, request, now, user, authenticated, beforeWrite }
    const endpoint = ServerRoutes.find(context) ?? DatabaseRoutes.handle
    const reply = catchAll(() => endpoint(context))
    return Either.right(
      renewal === undefined || reply.headers["set-cookie"] !== undefined
        ? reply
        : { ...reply, headers: { ...reply.headers, "set-cookie": renewal } }
    )
  })

/** An exception in an endpoint must not end the engine. */
const catchAll = (work: () => Checked<Reply>): Reply => {
  try {
    return Either.match(work(), { onLeft: Response.fromRefusal, onRight: (response) => response })
  } catch (error) {
    return Response.fromRefusal(refusal(500, "unknown_error", String(error), { ref: true }))
  }
}

/** Handles one request synchronously. */
export const handle = (
  server: Server,
  raw: {
    readonly method: string
    readonly target: string
    readonly origin: string
    readonly headers: Readonly<Record<string, string>>
    readonly body: string | Uint8Array | undefined
  },
  now: number
): Reply => {
  // CouchDB's HTTP server rejects such a request before CouchDB counts it.
  if (Req.isTooLong(raw)) {
    return { status: 400, headers: { "content-length": "0", "date": new Date(now).toUTCString() }, body: "" }
  }
  Node.countRequest(server.node, raw.method)
  const reply = catchAll(() =>
    Either.flatMap(Req.make(raw, server.maxBodyBytes), (request) => route(server, request, now))
  )
  catchAll(() => {
    Scheduler.runJobs(server, raw.origin, now)
    return Either.right(reply)
  })
  Node.countResponse(server.node, reply.status)
  const length = typeof reply.body === "string" ? Utf8.byteLength(reply.body) : reply.body.length
  return {
    status: reply.status,
    headers: {
      ...reply.headers,
      ...(reply.status === 304
        ? undefined
        : reply.rest === undefined
        ? { "content-length": String(length) }
        : { "transfer-encoding": "chunked" }),
      "date": new Date(now).toUTCString(),
      "server": `CouchDB/${version} (effect-couchdb-embedded)`,
      "x-couch-request-id": server.random.hex(10),
      "x-couchdb-body-time": "0"
    },
    body: raw.method === "HEAD" ? "" : reply.body,
    ...(raw.method === "HEAD" || reply.rest === undefined ? undefined : { rest: reply.rest })
  }
}
