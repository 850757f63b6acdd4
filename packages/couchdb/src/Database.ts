/**
 * Databases: create, delete, look at, and who may use them.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { dual } from "effect/Function"
import * as Schema from "effect/Schema"
import { EncodeError, type InvalidIdError, type NotFoundError, type RequestError } from "./CouchError.js"
import { CouchHttp, type CouchRequest } from "./CouchHttp.js"
import * as DatabaseName from "./DatabaseName.js"
import { decodeAnswer } from "./internal/answer.js"
import { unconflicted } from "./internal/unconflicted.js"
import * as Json from "./Json.js"
import type * as Transport from "./Transport.js"

/**
 * How a database is laid out.
 *
 * - `q`: the number of shards; 2 by default in CouchDB 3
 * - `n`: the copies of each document in a cluster
 * - `partitioned`: whether ids are `partition:key`, and queries can stay in one partition
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
 * What a database says of itself. Sizes are in bytes; the sequences are opaque, and say nothing by their order.
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
    names: Schema.optionalWith(Schema.Array(Schema.String), { default: () => [] }),
    roles: Schema.optionalWith(Schema.Array(Schema.String), { default: () => [] })
  },
  { key: Schema.String, value: Schema.Unknown }
)

/**
 * Who may administer a database, and who may read and write it, by name and by role. With no members at all, everybody
 * may. Whatever else the security object holds is kept.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Security = Schema.Struct(
  {
    admins: Schema.optionalWith(Names, { default: () => ({ names: [], roles: [] }) }),
    members: Schema.optionalWith(Names, { default: () => ({ names: [], roles: [] }) })
  },
  { key: Schema.String, value: Schema.Unknown }
)

/**
 * @since 0.1.0
 * @category model
 */
export type Security = typeof Security.Type

type Failure = NotFoundError | InvalidIdError | RequestError

/** One request to a database. None of these endpoints answers 409. */
const ask = (
  name: string,
  request: (database: DatabaseName.DatabaseName) => Omit<CouchRequest, "database">
): Effect.Effect<
  { readonly request: CouchRequest; readonly response: Transport.BufferedResponse },
  Failure,
  CouchHttp
> =>
  Effect.flatMap(DatabaseName.decode(name), (database) => {
    const whole: CouchRequest = { ...request(database), database }
    return CouchHttp.pipe(
      Effect.flatMap((couch) => unconflicted(couch.execute(whole))),
      Effect.map((response) => ({ request: whole, response }))
    )
  })

const path = (database: DatabaseName.DatabaseName, rest = ""): string => `/${DatabaseName.toPath(database)}${rest}`

/**
 * Creates a database: `PUT /{db}`. One that is there already is a `PreconditionFailedError` (`file_exists`).
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
  Effect.asVoid(ask(name, (database) => {
    const query = Object.entries(options ?? {}).filter(([, value]) => value !== undefined)
      .map(([key, value]) => `${key}=${String(value)}`).join("&")
    return { method: "PUT", path: path(database, query === "" ? "" : `?${query}`), route: "/{db}" }
  }))

/**
 * Creates a database where there is none, and leaves one that is there as it is: `PUT /{db}`. Gives whether it was
 * created. How an existing one is laid out is not compared.
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
  Effect.asVoid(ask(name, (database) => ({ method: "DELETE", path: path(database), route: "/{db}" })))
export {
  /**
   * Deletes a database with all that is in it: `DELETE /{db}`.
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
 * Whether a database is there: `HEAD /{db}`.
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
  ask(name, (database) => ({ method: "HEAD", path: path(database), route: "/{db}" })).pipe(
    Effect.as(true),
    Effect.catchTag("NotFoundError", () => Effect.succeed(false))
  )

/**
 * What a database says of itself: `GET /{db}`.
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
  ask(name, (database) => ({ method: "GET", path: path(database), route: "/{db}" })).pipe(
    Effect.flatMap(({ request, response }) => decodeAnswer(Info, request, response))
  )

/**
 * Who may use a database: `GET /{db}/_security`.
 *
 * @example
 * import { Effect } from "effect"
 * import { Database } from "effect-couchdb"
 *
 * const keepers = Effect.map(Database.security("zoo"), ({ members }) => members.names)
 *
 * @since 0.1.0
 * @category operations
 */
export const security = (
  name: string
): Effect.Effect<Security, NotFoundError | InvalidIdError | RequestError, CouchHttp> =>
  ask(name, (database) => ({ method: "GET", path: path(database, "/_security"), route: "/{db}/_security" })).pipe(
    Effect.flatMap(({ request, response }) => decodeAnswer(Security, request, response))
  )

/**
 * Says who may use a database: `PUT /{db}/_security`. An object that JSON cannot say is an `EncodeError`, and no request is
 * made.
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
  (name: string, security: Security): Effect.Effect<void, Failure | EncodeError, CouchHttp> =>
    Either.match(Json.fromUnknown(security), {
      onLeft: ({ path, problem }) =>
        Effect.fail(
          new EncodeError({ database: name, id: "_security", issues: [{ path, expected: problem }] })
        ),
      onRight: (json) =>
        Effect.asVoid(ask(name, (database) => ({
          method: "PUT",
          path: path(database, "/_security"),
          route: "/{db}/_security",
          body: Json.stringify(json)
        })))
    })
)
