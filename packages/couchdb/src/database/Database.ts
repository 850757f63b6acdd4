/**
 * Databases: creation, deletion, information, security and maintenance.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { dual } from "effect/Function"
import * as Schema from "effect/Schema"
import * as DatabaseName from "../data/DatabaseName.js"
import { InvalidIdError } from "../data/errors.js"
import * as Json from "../data/Json.js"
import { segmentProblem } from "../data/path.js"
import { EncodeError } from "../document/errors.js"
import { conflictAsBadRequest } from "../http/conflictMapping.js"
import { CouchHttp, type CouchRequest } from "../http/CouchHttp.js"
import { sendDecoded } from "../http/decodeResponse.js"
import { type NotFoundError, type RequestError } from "../http/errors.js"
import { type Verify, verifyJson, verifyOk } from "../http/verification.js"

/**
 * The layout of a new database.
 *
 * - `q`: the number of shards; 2 by default in CouchDB 3
 * - `n`: the number of replicas of each document in a cluster
 * - `partitioned`: whether document ids have the form `partition:key`, so that queries can be limited to a partition
 *
 * @since 0.1.0
 * @category model
 */
export interface CreateOptions {
  readonly q?: number | undefined
  readonly n?: number | undefined
  readonly partitioned?: boolean | undefined
}

/**
 * Information about a database. Sizes are in bytes. Sequences are opaque, and cannot be compared.
 *
 * @since 0.1.0
 * @category schemas
 */
export class Info extends Schema.Class<Info>("effect-couchdb/Database/Info")({
  name: Schema.propertySignature(Schema.String).pipe(Schema.fromKey("db_name")),
  documents: Schema.propertySignature(Schema.Number).pipe(Schema.fromKey("doc_count")),
  deletedDocuments: Schema.propertySignature(Schema.Number).pipe(Schema.fromKey("doc_del_count")),
  updateSequence: Schema.propertySignature(Schema.String).pipe(Schema.fromKey("update_seq")),
  purgeSequence: Schema.propertySignature(Schema.String).pipe(Schema.fromKey("purge_seq")),
  compactRunning: Schema.propertySignature(Schema.Boolean).pipe(Schema.fromKey("compact_running")),
  sizes: Schema.Struct({ file: Schema.Number, external: Schema.Number, active: Schema.Number }),
  cluster: Schema.Struct({ q: Schema.Number, n: Schema.Number, w: Schema.Number, r: Schema.Number }),
  partitioned: Schema.optionalWith(
    Schema.Struct({ partitioned: Schema.optionalWith(Schema.Boolean, { default: () => false }) }).pipe(
      Schema.pluck("partitioned")
    ),
    { default: () => false }
  ).pipe(Schema.fromKey("props"))
}) {}

const Names = Schema.Struct(
  {
    names: Schema.optional(Schema.Array(Schema.String)),
    roles: Schema.optional(Schema.Array(Schema.String))
  },
  { key: Schema.String, value: Schema.Unknown }
)

/**
 * The admins and members of a database, by name and by role. A database without members is public. A missing list stays
 * missing, and other members of the security object are kept as exact `Json`: {@link setSecurity} writes back what
 * {@link security} read.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Security = Schema.Struct(
  {
    admins: Schema.optional(Names),
    members: Schema.optional(Names)
  },
  { key: Schema.String, value: Schema.Unknown }
)

/**
 * @since 0.1.0
 * @category model
 */
export type Security = typeof Security.Type

/**
 * The errors of the operations on a database.
 *
 * @since 0.1.0
 * @category errors
 */
export type DatabaseFailure = NotFoundError | InvalidIdError | RequestError

/** Sends a request to a database. None of these endpoints responds with 409. */
const execute = (
  name: string,
  request: (database: DatabaseName.DatabaseName) => Omit<CouchRequest, "database">,
  verify: Verify = verifyOk
): Effect.Effect<void, DatabaseFailure, CouchHttp> =>
  Effect.flatMap(
    DatabaseName.decode(name),
    (database) =>
      Effect.flatMap(CouchHttp, (couch) =>
        Effect.asVoid(conflictAsBadRequest(couch.execute({ ...request(database), database, verify }))))
  )

const path = (database: DatabaseName.DatabaseName, rest = ""): string => `/${DatabaseName.toPath(database)}${rest}`

/** A response to HEAD has no body; a response to GET contains the database's name. */
const isInfo: Verify = (response) =>
  response.body.length === 0
    ? undefined
    : verifyJson((json) => Json.isObject(json) && typeof Json.get(json, "db_name") === "string")(response)

const byId = Schema.Record({ key: Schema.String, value: Schema.Array(Schema.String) })

const jsonOfRevisions = (revisions: RevisionsById): string =>
  Json.stringify(Json.fromEntries(Object.entries(revisions)))

/** Sends a request, and decodes its response with a schema. */
const fetchOf = <A, I>(
  schema: Schema.Schema<A, I>,
  name: string,
  method: "GET" | "POST",
  rest: string,
  route = rest,
  body?: string,
  idempotent?: boolean
): Effect.Effect<A, DatabaseFailure, CouchHttp> =>
  Effect.flatMap(
    DatabaseName.decode(name),
    (database) =>
      sendDecoded(schema, { method, path: path(database, rest), route: `/{db}${route}`, database, body, idempotent })
  )

const post = (name: string, rest: string, route = rest): Effect.Effect<void, DatabaseFailure, CouchHttp> =>
  // Maintenance requests are idempotent.
  execute(name, (database) => ({
    method: "POST",
    path: path(database, rest),
    route: `/{db}${route}`,
    body: "{}",
    idempotent: true
  }))

const put = (name: string, rest: string, value: number): Effect.Effect<void, DatabaseFailure, CouchHttp> =>
  execute(name, (database) => ({
    method: "PUT",
    path: path(database, rest),
    route: `/{db}${rest}`,
    body: Json.stringify(value),
    idempotent: true
  }))

const segment = (kind: InvalidIdError["kind"], text: string): Effect.Effect<string, InvalidIdError> => {
  const problem = segmentProblem(text)
  return problem === undefined
    ? Effect.succeed(encodeURIComponent(text))
    : Effect.fail(new InvalidIdError({ kind, value: text, problem }))
}

/**
 * Creates a database: `PUT /{db}`. Fails with a `PreconditionFailedError` (`file_exists`) if it already exists.
 *
 * @example
 * import { Database } from "effect-couchdb"
 *
 * const program = Database.create("zoo", { q: 4 })
 *
 * @since 0.1.0
 * @category operations
 */
export const create = (
  name: string,
  options?: CreateOptions
): Effect.Effect<void, NotFoundError | InvalidIdError | RequestError, CouchHttp> =>
  execute(name, (database) => {
    const query = Object.entries(options ?? {}).filter(([, value]) => value !== undefined)
      .map(([key, value]) => `${key}=${String(value)}`).join("&")
    return { method: "PUT", path: path(database, query === "" ? "" : `?${query}`), route: "/{db}" }
  })

/**
 * Creates a database if it does not exist: `PUT /{db}`. Returns whether it was created. The layout of an existing
 * database is neither compared nor changed.
 *
 * @example
 * import { Effect } from "effect"
 * import { Database } from "effect-couchdb"
 *
 * const program = Effect.if(Database.ensure("zoo"), {
 *   onTrue: () => Effect.log("created"),
 *   onFalse: () => Effect.log("was there")
 * })
 *
 * @since 0.1.0
 * @category operations
 */
export const ensure = (
  name: string,
  options?: CreateOptions
): Effect.Effect<boolean, NotFoundError | InvalidIdError | RequestError, CouchHttp> =>
  create(name, options).pipe(
    Effect.as(true),
    Effect.catchIf(
      (error) => error._tag === "PreconditionFailedError" && error.error === "file_exists",
      () => Effect.succeed(false)
    )
  )

const delete_ = (name: string): Effect.Effect<void, NotFoundError | InvalidIdError | RequestError, CouchHttp> =>
  execute(name, (database) => ({ method: "DELETE", path: path(database), route: "/{db}" }))
export {
  /**
   * Deletes a database and all its documents: `DELETE /{db}`.
   *
   * @example
   * import { Database } from "effect-couchdb"
   *
   * const program = Database.delete("zoo")
   *
   * @since 0.1.0
   * @category operations
   */
  delete_ as delete
}

/**
 * Returns whether a database exists: `HEAD /{db}`.
 *
 * @example
 * import { Database } from "effect-couchdb"
 *
 * const program = Database.exists("zoo")
 *
 * @since 0.1.0
 * @category operations
 */
export const exists = (name: string): Effect.Effect<boolean, InvalidIdError | RequestError, CouchHttp> =>
  execute(name, (database) => ({ method: "HEAD", path: path(database), route: "/{db}" }), isInfo).pipe(
    Effect.as(true),
    Effect.catchTag("NotFoundError", () => Effect.succeed(false))
  )

/**
 * Returns information about a database: `GET /{db}`.
 *
 * @example
 * import { Effect } from "effect"
 * import { Database } from "effect-couchdb"
 *
 * const count = Effect.map(Database.info("zoo"), (info) => info.documents)
 *
 * @since 0.1.0
 * @category operations
 */
export const info = (name: string): Effect.Effect<Info, NotFoundError | InvalidIdError | RequestError, CouchHttp> =>
  fetchOf(Info, name, "GET", "")

/**
 * Returns the security object of a database: `GET /{db}/_security`.
 *
 * @example
 * import { Effect } from "effect"
 * import { Database } from "effect-couchdb"
 *
 * const keepers = Effect.map(Database.security("zoo"), ({ members }) => members?.names ?? [])
 *
 * @since 0.1.0
 * @category operations
 */
export const security = (
  name: string
): Effect.Effect<Security, NotFoundError | InvalidIdError | RequestError, CouchHttp> =>
  Effect.flatMap(
    DatabaseName.decode(name),
    (database) =>
      sendDecoded(
        Security,
        { method: "GET", path: path(database, "/_security"), route: "/{db}/_security", database },
        securityOf
      )
  )

/** Plain objects at the depth of the schema, and exact JSON below. */
const securityOf = (exact: Json.Json): unknown =>
  Json.isObject(exact)
    ? Object.fromEntries(
      Json.entries(exact).map(([key, value]) =>
        (key === "admins" || key === "members") && Json.isObject(value)
          ? [key, Object.fromEntries(Json.entries(value))]
          : [key, value]
      )
    )
    : exact

/**
 * Sets the security object of a database: `PUT /{db}/_security`. This requires a server admin, or an admin of the
 * database. For other members it fails with a `ServerError` (500 `no_majority`), for users without read access with a
 * `ForbiddenError`, and for anonymous users with an `UnauthorizedError`. An object that is not valid JSON fails with an
 * `EncodeError` before a request is sent.
 *
 * @example
 * import { Database } from "effect-couchdb"
 *
 * const program = Database.setSecurity("zoo", {
 *   admins: { names: [], roles: ["_admin"] },
 *   members: { names: [], roles: ["keepers"] }
 * })
 *
 * @since 0.1.0
 * @category operations
 */
export const setSecurity: {
  (security: Security): (
    name: string
  ) => Effect.Effect<void, NotFoundError | EncodeError | InvalidIdError | RequestError, CouchHttp>
  (
    name: string,
    security: Security
  ): Effect.Effect<void, NotFoundError | EncodeError | InvalidIdError | RequestError, CouchHttp>
} = dual(
  2,
  (name: string, security: Security): Effect.Effect<void, DatabaseFailure | EncodeError, CouchHttp> =>
    Either.match(Json.fromUnknown(security), {
      onLeft: ({ path, problem }) =>
        Effect.fail(
          new EncodeError({ database: name, id: "_security", issues: [{ path, expected: problem }] })
        ),
      onRight: (json) =>
        execute(name, (database) => ({
          method: "PUT",
          path: path(database, "/_security"),
          route: "/{db}/_security",
          body: Json.stringify(json),
          idempotent: true
        }))
    })
)

/**
 * Compacts a database in the background: `POST /{db}/_compact`. `Server.activeTasks` reports the progress.
 *
 * @since 0.1.0
 * @category maintenance
 */
export const compact = (name: string): Effect.Effect<void, DatabaseFailure, CouchHttp> => post(name, "/_compact")

/**
 * Compacts the indexes of a design document in the background: `POST /{db}/_compact/{ddoc}`. `design` is the name of
 * the design document without `_design/`.
 *
 * @since 0.1.0
 * @category maintenance
 */
export const compactViews = (name: string, design: string): Effect.Effect<void, DatabaseFailure, CouchHttp> =>
  Effect.flatMap(
    segment("design document", design),
    (design) => post(name, `/_compact/${design}`, "/_compact/{ddoc}")
  )

/**
 * Deletes the files of indexes that no design document uses: `POST /{db}/_view_cleanup`.
 *
 * @since 0.1.0
 * @category maintenance
 */
export const cleanUpViews = (name: string): Effect.Effect<void, DatabaseFailure, CouchHttp> =>
  post(name, "/_view_cleanup")

/**
 * Flushes all writes to disk before it returns: `POST /{db}/_ensure_full_commit`. CouchDB 3 does so after each write.
 *
 * @since 0.1.0
 * @category maintenance
 */
export const ensureFullCommit = (name: string): Effect.Effect<void, DatabaseFailure, CouchHttp> =>
  post(name, "/_ensure_full_commit")

/**
 * Revisions by document id.
 *
 * @since 0.1.0
 * @category model
 */
export type RevisionsById = Readonly<Record<string, ReadonlyArray<string>>>

/**
 * The result of a purge. `ignored` lists revisions that were not leaf revisions or did not exist.
 *
 * @since 0.1.0
 * @category model
 */
export interface Purged {
  readonly purged: RevisionsById
  readonly ignored: RevisionsById
}

/**
 * Removes leaf revisions permanently, without leaving tombstones that replicate: `POST /{db}/_purge`. If a cluster does
 * not reach a quorum, CouchDB completes the purge in the background.
 *
 * @example
 * import { Database } from "effect-couchdb"
 *
 * const program = Database.purge("zoo", { monarch: ["3-b06fcd1c1c9e0ec7c480ee8aa467bf3b"] })
 *
 * @since 0.1.0
 * @category revisions
 */
export const purge: {
  (revisions: RevisionsById): (name: string) => Effect.Effect<Purged, DatabaseFailure, CouchHttp>
  (name: string, revisions: RevisionsById): Effect.Effect<Purged, DatabaseFailure, CouchHttp>
} = dual(2, (name: string, revisions: RevisionsById) =>
  Effect.map(
    fetchOf(Schema.Struct({ purged: byId }), name, "POST", "/_purge", "/_purge", jsonOfRevisions(revisions)),
    ({ purged }): Purged => ({
      purged,
      ignored: Object.fromEntries(
        Object.entries(revisions)
          .map(([id, all]) => [id, all.filter((rev) => !(purged[id] ?? []).includes(rev))] as const)
          .filter(([, all]) => all.length > 0)
      )
    })
  ))

/**
 * Returns which of these revisions the database lacks: `POST /{db}/_missing_revs`.
 *
 * @since 0.1.0
 * @category revisions
 */
export const missingRevisions: {
  (revisions: RevisionsById): (name: string) => Effect.Effect<RevisionsById, DatabaseFailure, CouchHttp>
  (name: string, revisions: RevisionsById): Effect.Effect<RevisionsById, DatabaseFailure, CouchHttp>
} = dual(2, (name: string, revisions: RevisionsById) =>
  Effect.map(
    fetchOf(
      Schema.Struct({ missing_revs: byId }),
      name,
      "POST",
      "/_missing_revs",
      "/_missing_revs",
      jsonOfRevisions(revisions),
      true
    ),
    ({ missing_revs }) => missing_revs
  ))

/**
 * The revisions of a document that a database lacks, and its stored revisions that may be their ancestors.
 *
 * @since 0.1.0
 * @category model
 */
export interface MissingRevisions {
  readonly missing: ReadonlyArray<string>
  readonly possibleAncestors: ReadonlyArray<string>
}

/**
 * Returns which of these revisions the database lacks, with their possible ancestors: `POST /{db}/_revs_diff`.
 * Documents without missing revisions are left out.
 *
 * @since 0.1.0
 * @category revisions
 */
export const revisionsDifference: {
  (
    revisions: RevisionsById
  ): (name: string) => Effect.Effect<Readonly<Record<string, MissingRevisions>>, DatabaseFailure, CouchHttp>
  (
    name: string,
    revisions: RevisionsById
  ): Effect.Effect<Readonly<Record<string, MissingRevisions>>, DatabaseFailure, CouchHttp>
} = dual(2, (name: string, revisions: RevisionsById) =>
  fetchOf(
    Schema.Record({
      key: Schema.String,
      value: Schema.Struct({
        missing: Schema.Array(Schema.String),
        possibleAncestors: Schema.optionalWith(Schema.Array(Schema.String), { default: () => [] }).pipe(
          Schema.fromKey("possible_ancestors")
        )
      })
    }),
    name,
    "POST",
    "/_revs_diff",
    "/_revs_diff",
    jsonOfRevisions(revisions),
    true
  ))

/**
 * Returns the maximum number of revisions in a document's history: `GET /{db}/_revs_limit`.
 *
 * @since 0.1.0
 * @category limits
 */
export const revisionsLimit = (name: string): Effect.Effect<number, DatabaseFailure, CouchHttp> =>
  fetchOf(Schema.Number, name, "GET", "/_revs_limit")

/**
 * Sets the maximum number of revisions in a document's history: `PUT /{db}/_revs_limit`. If it is too low, replication
 * cannot relate revisions to each other, and creates conflicts. This requires an admin of the server or of the
 * database; for other members it fails with a `ForbiddenError`, although CouchDB responds with 500.
 *
 * @since 0.1.0
 * @category limits
 */
export const setRevisionsLimit: {
  (limit: number): (name: string) => Effect.Effect<void, DatabaseFailure, CouchHttp>
  (name: string, limit: number): Effect.Effect<void, DatabaseFailure, CouchHttp>
} = dual(2, (name: string, limit: number) => put(name, "/_revs_limit", limit))

/**
 * Returns how many purges a database records: `GET /{db}/_purged_infos_limit`.
 *
 * @since 0.1.0
 * @category limits
 */
export const purgedInfosLimit = (name: string): Effect.Effect<number, DatabaseFailure, CouchHttp> =>
  fetchOf(Schema.Number, name, "GET", "/_purged_infos_limit")

/**
 * Sets how many purges a database records: `PUT /{db}/_purged_infos_limit`.
 *
 * @since 0.1.0
 * @category limits
 */
export const setPurgedInfosLimit: {
  (limit: number): (name: string) => Effect.Effect<void, DatabaseFailure, CouchHttp>
  (name: string, limit: number): Effect.Effect<void, DatabaseFailure, CouchHttp>
} = dual(2, (name: string, limit: number) => put(name, "/_purged_infos_limit", limit))

/**
 * Returns the recorded purges of a database: `GET /{db}/_purged_infos`.
 *
 * @since 0.1.0
 * @category revisions
 */
export const purgedInfos = (
  name: string
): Effect.Effect<
  ReadonlyArray<{ readonly id: string; readonly revs: ReadonlyArray<string> }>,
  DatabaseFailure,
  CouchHttp
> =>
  Effect.map(
    fetchOf(
      Schema.Struct({
        purged_infos: Schema.Array(Schema.Struct({ id: Schema.String, revs: Schema.Array(Schema.String) }))
      }),
      name,
      "GET",
      "/_purged_infos"
    ),
    ({ purged_infos }) => purged_infos
  )

/**
 * Returns the shards of a database by range, with the nodes that store them: `GET /{db}/_shards`.
 *
 * @since 0.1.0
 * @category cluster
 */
export const shards = (
  name: string
): Effect.Effect<Readonly<Record<string, ReadonlyArray<string>>>, DatabaseFailure, CouchHttp> =>
  Effect.map(fetchOf(Schema.Struct({ shards: byId }), name, "GET", "/_shards"), ({ shards }) => shards)

/**
 * Returns the shard of a document id, and the nodes that store it: `GET /{db}/_shards/{docid}`. The document need not
 * exist.
 *
 * @since 0.1.0
 * @category cluster
 */
export const shardOf: {
  (id: string): (
    name: string
  ) => Effect.Effect<{ readonly range: string; readonly nodes: ReadonlyArray<string> }, DatabaseFailure, CouchHttp>
  (
    name: string,
    id: string
  ): Effect.Effect<{ readonly range: string; readonly nodes: ReadonlyArray<string> }, DatabaseFailure, CouchHttp>
} = dual(2, (name: string, id: string) =>
  Effect.flatMap(segment("document", id), (id) =>
    fetchOf(
      Schema.Struct({ range: Schema.String, nodes: Schema.Array(Schema.String) }),
      name,
      "GET",
      `/_shards/${id}`,
      "/_shards/{docid}"
    )))

/**
 * Synchronizes the replicas of all shards in the background: `POST /{db}/_sync_shards`.
 *
 * @since 0.1.0
 * @category cluster
 */
export const syncShards = (name: string): Effect.Effect<void, DatabaseFailure, CouchHttp> => post(name, "/_sync_shards")

/**
 * Information about a partition. Sizes are in bytes.
 *
 * @since 0.1.0
 * @category schemas
 */
export class PartitionInfo extends Schema.Class<PartitionInfo>("effect-couchdb/Database/PartitionInfo")({
  database: Schema.propertySignature(Schema.String).pipe(Schema.fromKey("db_name")),
  partition: Schema.String,
  documents: Schema.propertySignature(Schema.Number).pipe(Schema.fromKey("doc_count")),
  deletedDocuments: Schema.propertySignature(Schema.Number).pipe(Schema.fromKey("doc_del_count")),
  sizes: Schema.Struct({ external: Schema.Number, active: Schema.Number })
}) {}

/**
 * Returns information about a partition: `GET /{db}/_partition/{partition}`.
 *
 * @since 0.1.0
 * @category operations
 */
export const partitionInfo: {
  (partition: string): (name: string) => Effect.Effect<PartitionInfo, DatabaseFailure, CouchHttp>
  (name: string, partition: string): Effect.Effect<PartitionInfo, DatabaseFailure, CouchHttp>
} = dual(
  2,
  (name: string, partition: string) =>
    Effect.flatMap(
      segment("partition", partition),
      (partition) => fetchOf(PartitionInfo, name, "GET", `/_partition/${partition}`, "/_partition/{partition}")
    )
)
