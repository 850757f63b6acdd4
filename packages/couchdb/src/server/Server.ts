/**
 * The server itself: information, its databases and their updates, active tasks, nodes and their configuration. Most of
 * this requires a server admin; for other users CouchDB responds with 401.
 *
 * @since 0.1.0
 */
import type * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Checkpoint, Reconnect } from "../changes/Changes.js"
import * as Json from "../data/Json.js"
import type * as Database from "../database/Database.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import type { NotFoundError, RequestError } from "../http/errors.js"
import { send, sendDecoded, sendOk } from "../http/send.js"
import { verifySchema } from "../http/verification.js"
import * as internalNames from "./names.js"
import * as node from "./node.js"
import * as reshard from "./reshard.js"
import { ActiveTasks } from "./tasks.js"
import * as internalUpdates from "./updates.js"

/**
 * The errors of these operations. None of the endpoints responds with 409.
 *
 * @since 0.1.0
 * @category errors
 */
export type ServerFailure = NotFoundError | RequestError

/**
 * Information about a server.
 *
 * @since 0.1.0
 * @category schemas
 */
export class Info extends Schema.Class<Info>("effect-couchdb/Server/Info")({
  version: Schema.String,
  uuid: Schema.optionalWith(Schema.String, { as: "Option" }),
  features: Schema.optionalWith(Schema.Array(Schema.String), { default: () => [] }),
  vendor: Schema.optionalWith(Schema.Struct({ name: Schema.optionalWith(Schema.String, { default: () => "" }) }), {
    default: () => ({ name: "" })
  })
}) {}

/**
 * Returns information about the server: `GET /`. It requires no credentials.
 *
 * @example
 * import { Effect } from "effect"
 * import { Server } from "effect-couchdb"
 *
 * const version = Effect.map(Server.info, (info) => info.version)
 *
 * @since 0.1.0
 * @category operations
 */
export const info: Effect.Effect<Info, ServerFailure, CouchHttp> = sendDecoded(
  Info,
  { method: "GET", path: "/", route: "/" }
)

const isUp = verifySchema(Schema.Struct({ status: Schema.Literal("ok") }))

/**
 * Returns whether the server serves requests: `GET /_up`. It is `false` in maintenance mode, in which the server
 * responds with 404.
 *
 * @since 0.1.0
 * @category operations
 */
export const up: Effect.Effect<boolean, RequestError, CouchHttp> = send({
  method: "GET",
  path: "/_up",
  route: "/_up",
  verify: isUp
}).pipe(Effect.as(true), Effect.catchTag("NotFoundError", () => Effect.succeed(false)))

/**
 * Returns new ids: `GET /_uuids`. By default, a server returns at most a thousand.
 *
 * @example
 * import { Server } from "effect-couchdb"
 *
 * const ten = Server.uuids(10)
 *
 * @since 0.1.0
 * @category operations
 */
export const uuids = (count = 1): Effect.Effect<ReadonlyArray<string>, ServerFailure, CouchHttp> =>
  Effect.map(
    sendDecoded(Schema.Struct({ uuids: Schema.Array(Schema.String) }), {
      method: "GET",
      path: `/_uuids?count=${encodeURIComponent(count)}`,
      route: "/_uuids"
    }),
    ({ uuids }) => uuids
  )

/**
 * Selects names of databases. Keys are names, not JSON.
 *
 * @since 0.1.0
 * @category options
 */
export interface NamesOptions {
  readonly startKey?: string | undefined
  readonly endKey?: string | undefined
  readonly inclusiveEnd?: boolean | undefined
  readonly descending?: boolean | undefined
  readonly limit?: number | undefined
  readonly skip?: number | undefined
}

/**
 * Returns the names of databases in one response: `GET /_all_dbs`.
 *
 * @example
 * import { Server } from "effect-couchdb"
 *
 * const zoos = Server.databases({ startKey: "zoo", endKey: "zoo\ufff0" })
 *
 * @since 0.1.0
 * @category databases
 */
export const databases = (
  options: NamesOptions = {}
): Effect.Effect<ReadonlyArray<string>, ServerFailure, CouchHttp> => internalNames.names(options)

/**
 * Streams the names of all databases page by page: `GET /_all_dbs`. One page is in memory at a time.
 *
 * @since 0.1.0
 * @category databases
 */
export const streamDatabases: Stream.Stream<string, ServerFailure, CouchHttp> = internalNames.allNames

/**
 * The name of a database, and information about it, or `None` if it does not exist.
 *
 * @since 0.1.0
 * @category model
 */
export interface DatabaseInfo {
  readonly name: string
  readonly info: Option.Option<Database.Info>
}

/**
 * Returns information about databases, in the order of the names: `POST /_dbs_info`, a hundred names in each request.
 *
 * @example
 * import { Server } from "effect-couchdb"
 *
 * const both = Server.databaseInfos(["zoo", "aquarium"])
 *
 * @since 0.1.0
 * @category databases
 */
export const databaseInfos = (
  names: Iterable<string>
): Effect.Effect<ReadonlyArray<DatabaseInfo>, ServerFailure, CouchHttp> =>
  Effect.map(Stream.runCollect(internalNames.infos(Stream.fromIterable(names))), (all) => Array.from(all))

/**
 * Streams information about all databases: `GET /_all_dbs` and `POST /_dbs_info`, page by page.
 *
 * @since 0.1.0
 * @category databases
 */
export const streamDatabaseInfos: Stream.Stream<DatabaseInfo, ServerFailure, CouchHttp> = internalNames.infos(
  internalNames.allNames
)

/**
 * A database that was created, updated or deleted. A database appears once, with its latest update.
 *
 * @since 0.1.0
 * @category updates
 */
export interface Update {
  readonly database: string
  readonly kind: "created" | "updated" | "deleted"
  readonly sequence: Option.Option<string>
}

/**
 * A page of updates. The next request continues from `lastSequence`.
 *
 * @since 0.1.0
 * @category updates
 */
export interface UpdatesPage {
  readonly updates: ReadonlyArray<Update>
  readonly lastSequence: string
}

/**
 * Selects a part of the feed.
 *
 * @since 0.1.0
 * @category options
 */
export interface UpdatesOptions {
  readonly since?: string | undefined
  readonly limit?: number | undefined
  readonly descending?: boolean | undefined
  readonly heartbeat?: Duration.DurationInput | undefined
  readonly timeout?: Duration.DurationInput | undefined
}

/**
 * Returns the updates of databases in one page: `GET /_db_updates`.
 *
 * @since 0.1.0
 * @category updates
 */
export const updates = (options: UpdatesOptions = {}): Effect.Effect<UpdatesPage, ServerFailure, CouchHttp> =>
  internalUpdates.page("normal", options)

/**
 * Waits until a database is updated: `GET /_db_updates?feed=longpoll`. There may be no updates after `timeout`.
 *
 * @since 0.1.0
 * @category updates
 */
export const longpollUpdates = (options: UpdatesOptions = {}): Effect.Effect<UpdatesPage, ServerFailure, CouchHttp> =>
  internalUpdates.page("longpoll", options)

/**
 * Streams the updates of databases over one connection: `GET /_db_updates?feed=continuous`. It ends when the server
 * ends the feed.
 *
 * @since 0.1.0
 * @category updates
 */
export const continuousUpdates = (options: UpdatesOptions = {}): Stream.Stream<Update, ServerFailure, CouchHttp> =>
  internalUpdates.continuous(options)

/**
 * The options of a follower of a server, as in `Changes.FollowOptions`.
 *
 * @since 0.1.0
 * @category options
 */
export interface UpdatesFollowOptions<out E = never, out R = never, out E2 = never, out R2 = never> {
  readonly since?: string | undefined
  readonly heartbeat?: Duration.DurationInput | undefined
  readonly checkpoint?: Checkpoint<E, R> | undefined
  readonly checkpointEvery?: Duration.DurationInput | undefined
  readonly retry?: Schedule.Schedule<unknown, ServerFailure> | undefined
  readonly onReconnect?: ((reconnect: Reconnect) => Effect.Effect<unknown, E2, R2>) | undefined
}

/**
 * Follows a server: streams every update of its databases at least once and reconnects, as `Changes.follow` does. It
 * ends when the database `_global_changes`, in which the server stores the updates, is deleted.
 *
 * @example
 * import { Changes, Server } from "effect-couchdb"
 * import { Effect, Stream } from "effect"
 *
 * const log = Server.followUpdates({ checkpoint: Changes.inLocalDocument("audit", "databases") }).pipe(
 *   Stream.runForEach(({ database, kind }) => Effect.log(`${database} was ${kind}`))
 * )
 *
 * @since 0.1.0
 * @category updates
 */
export const followUpdates = <E = never, R = never, E2 = never, R2 = never>(
  options: UpdatesFollowOptions<E, R, E2, R2> = {}
): Stream.Stream<Update, ServerFailure | E | E2, CouchHttp | R | R2> => internalUpdates.follow(options)

/**
 * The members that all tasks share. `fields` contains all members that the server sent.
 *
 * @since 0.1.0
 * @category tasks
 */
export interface TaskCommon {
  readonly node: string
  readonly pid: string
  readonly startedOn: DateTime.Utc
  readonly updatedOn: DateTime.Utc
  readonly fields: Readonly<Record<string, unknown>>
}

/**
 * A task on a shard of a database. `progress` is in percent.
 *
 * @since 0.1.0
 * @category tasks
 */
export interface DatabaseTask extends TaskCommon {
  readonly database: string
  readonly shard: string
  readonly progress: number
  readonly changesDone: number
  readonly totalChanges: number
}

/**
 * An active replication. `document` is the id in `_replicator`; it is empty for a replication without a document.
 *
 * @since 0.1.0
 * @category tasks
 */
export interface ReplicationTask extends TaskCommon {
  readonly _tag: "ReplicationTask"
  readonly id: string
  readonly document: string
  readonly source: string
  readonly target: string
  readonly continuous: boolean
  readonly changesPending: number | undefined
  readonly docsRead: number
  readonly docsWritten: number
  readonly docWriteFailures: number
  readonly revisionsChecked: number
  readonly missingRevisionsFound: number
}

/**
 * An active task of the server. An unknown type is an `OtherTask`.
 *
 * @since 0.1.0
 * @category tasks
 */
export type ActiveTask =
  | (DatabaseTask & { readonly _tag: "DatabaseCompaction"; readonly phase: string })
  | (DatabaseTask & { readonly _tag: "ViewCompaction"; readonly design: string; readonly phase: string })
  | (DatabaseTask & { readonly _tag: "Indexer"; readonly design: string })
  | (DatabaseTask & { readonly _tag: "SearchIndexer"; readonly design: string; readonly index: string })
  | ReplicationTask
  | (TaskCommon & { readonly _tag: "OtherTask"; readonly type: string })

/**
 * Returns the active tasks of the server: `GET /_active_tasks`.
 *
 * @example
 * import { Effect } from "effect"
 * import { Server } from "effect-couchdb"
 *
 * const indexing = Effect.map(Server.activeTasks, (tasks) => tasks.filter(({ _tag }) => _tag === "Indexer"))
 *
 * @since 0.1.0
 * @category tasks
 */
export const activeTasks: Effect.Effect<ReadonlyArray<ActiveTask>, ServerFailure, CouchHttp> = sendDecoded(
  ActiveTasks,
  {
    method: "GET",
    path: "/_active_tasks",
    route: "/_active_tasks"
  }
)

/**
 * The nodes of a cluster.
 *
 * @since 0.1.0
 * @category schemas
 */
export class Membership extends Schema.Class<Membership>("effect-couchdb/Server/Membership")({
  allNodes: Schema.propertySignature(Schema.Array(Schema.String)).pipe(Schema.fromKey("all_nodes")),
  clusterNodes: Schema.propertySignature(Schema.Array(Schema.String)).pipe(Schema.fromKey("cluster_nodes"))
}) {}

/**
 * Returns the nodes that this node knows, and those of the cluster: `GET /_membership`.
 *
 * @since 0.1.0
 * @category cluster
 */
export const membership: Effect.Effect<Membership, ServerFailure, CouchHttp> = sendDecoded(Membership, {
  method: "GET",
  path: "/_membership",
  route: "/_membership"
})

/**
 * Returns the state of the cluster setup: `GET /_cluster_setup`. It is `single_node_disabled`, `single_node_enabled`,
 * `cluster_disabled`, `cluster_enabled` or `cluster_finished`.
 *
 * @since 0.1.0
 * @category cluster
 */
export const clusterState: Effect.Effect<string, ServerFailure, CouchHttp> = Effect.map(
  sendDecoded(Schema.Struct({ state: Schema.String }), {
    method: "GET",
    path: "/_cluster_setup",
    route: "/_cluster_setup"
  }),
  ({ state }) => state
)

/**
 * A step of the cluster setup, as in CouchDB's documentation, with a redacted password.
 *
 * @since 0.1.0
 * @category cluster
 */
export interface ClusterAction {
  readonly action: "enable_single_node" | "enable_cluster" | "add_node" | "remove_node" | "finish_cluster"
  readonly username?: string | undefined
  readonly password?: Redacted.Redacted | undefined
  /** The other parameters of the step: `bind_address`, `port`, `node_count`, `remote_node`, `host`… */
  readonly options?: { readonly [key: string]: Json.Json } | undefined
}

/**
 * Performs a step of the cluster setup: `POST /_cluster_setup`.
 *
 * @example
 * import { Redacted } from "effect"
 * import { Server } from "effect-couchdb"
 *
 * const program = Server.setUpCluster({
 *   action: "enable_single_node",
 *   username: "admin",
 *   password: Redacted.make("secret")
 * })
 *
 * @since 0.1.0
 * @category cluster
 */
export const setUpCluster = (
  { action, options, password, username }: ClusterAction
): Effect.Effect<void, ServerFailure, CouchHttp> =>
  Effect.suspend(() =>
    sendOk({
      method: "POST",
      path: "/_cluster_setup",
      route: "/_cluster_setup",
      body: Json.stringify({
        ...options,
        action,
        ...(username !== undefined && { username }),
        ...(password !== undefined && { password: Redacted.value(password) })
      })
    })
  )

/**
 * Returns the configuration of a node: `GET /_node/{node}/_config`. It may contain secrets.
 *
 * @since 0.1.0
 * @category configuration
 */
export const config: (
  node?: string
) => Effect.Effect<Readonly<Record<string, Readonly<Record<string, string>>>>, ServerFailure, CouchHttp> = node.config

/**
 * Returns a section of a node's configuration: `GET /_node/{node}/_config/{section}`. It is empty if the section does
 * not exist.
 *
 * @since 0.1.0
 * @category configuration
 */
export const configSection: (
  section: string,
  node?: string
) => Effect.Effect<Readonly<Record<string, string>>, ServerFailure, CouchHttp> = node.section

/**
 * Returns a value of a node's configuration: `GET /_node/{node}/_config/{section}/{key}`. It is `None` if the key does
 * not exist.
 *
 * @since 0.1.0
 * @category configuration
 */
export const configValue: (
  section: string,
  key: string,
  node?: string
) => Effect.Effect<Option.Option<string>, ServerFailure, CouchHttp> = node.value

/**
 * Sets a value of a node's configuration: `PUT /_node/{node}/_config/{section}/{key}`. Returns the previous value,
 * which is empty if there was none.
 *
 * @example
 * import { Server } from "effect-couchdb"
 *
 * const program = Server.setConfigValue("couchdb", "max_document_size", "8000000")
 *
 * @since 0.1.0
 * @category configuration
 */
export const setConfigValue: (
  section: string,
  key: string,
  value: string,
  node?: string
) => Effect.Effect<string, ServerFailure, CouchHttp> = node.setValue

/**
 * Deletes a value of a node's configuration: `DELETE /_node/{node}/_config/{section}/{key}`. Returns the deleted value,
 * or `None` if there was none.
 *
 * @since 0.1.0
 * @category configuration
 */
export const deleteConfigValue: (
  section: string,
  key: string,
  node?: string
) => Effect.Effect<Option.Option<string>, ServerFailure, CouchHttp> = node.deleteValue

/**
 * Reloads the configuration of a node from disk: `POST /_node/{node}/_config/_reload`.
 *
 * @since 0.1.0
 * @category configuration
 */
export const reloadConfig: (node?: string) => Effect.Effect<void, ServerFailure, CouchHttp> = node.reload

/**
 * Returns the name of a node: `GET /_node/{node}`. `_local` is the node that receives the request.
 *
 * @since 0.1.0
 * @category nodes
 */
export const nodeName: (node?: string) => Effect.Effect<string, ServerFailure, CouchHttp> = node.name

/**
 * Returns the statistics of a node, optionally those at `path`, such as `["couchdb", "request_time"]`:
 * `GET /_node/{node}/_stats/…`.
 *
 * @since 0.1.0
 * @category nodes
 */
export const stats: (
  path?: ReadonlyArray<string>,
  node?: string
) => Effect.Effect<Json.Json, ServerFailure, CouchHttp> = node.stats

/**
 * Returns the state of a node: its uptime in seconds, memory, processes and queues: `GET /_node/{node}/_system`.
 *
 * @since 0.1.0
 * @category nodes
 */
export const system: (node?: string) => Effect.Effect<Json.Json, ServerFailure, CouchHttp> = node.system

/**
 * Returns the versions of a node's components: `GET /_node/{node}/_versions`.
 *
 * @since 0.1.0
 * @category nodes
 */
export const versions: (node?: string) => Effect.Effect<Json.Json, ServerFailure, CouchHttp> = node.versions

/**
 * Returns the statistics of a node in the text format of Prometheus: `GET /_node/{node}/_prometheus`.
 *
 * @since 0.1.0
 * @category nodes
 */
export const prometheus: (node?: string) => Effect.Effect<string, ServerFailure, CouchHttp> = node.prometheus

/**
 * The state of resharding, or of one job. A `stopped` job resumes when it is set to `running`.
 *
 * @since 0.1.0
 * @category resharding
 */
export type ReshardState = "running" | "stopped"

/**
 * The progress of resharding on the whole cluster.
 *
 * @since 0.1.0
 * @category resharding
 */
export type ReshardSummary = typeof reshard.Summary.Type

/**
 * A job that splits a shard. `state` is `new`, `running`, `stopped`, `completed` or `failed`; `phase` is its current
 * step.
 *
 * @since 0.1.0
 * @category resharding
 */
export type ReshardJob = typeof reshard.Job.Type

/**
 * The shards to split: those of a database, of a range in it such as `00000000-7fffffff`, or of a node, or a single
 * shard by name.
 *
 * @since 0.1.0
 * @category resharding
 */
export interface ReshardStart {
  readonly database?: string | undefined
  readonly range?: string | undefined
  readonly node?: string | undefined
  readonly shard?: string | undefined
}

/**
 * The result for a shard to split: its job, or the reason why there is none.
 *
 * @since 0.1.0
 * @category resharding
 */
export interface ReshardStarted {
  readonly id: Option.Option<string>
  readonly error: Option.Option<string>
  readonly node: string
  readonly shard: string
}

/**
 * Returns the progress of resharding: `GET /_reshard`.
 *
 * @since 0.1.0
 * @category resharding
 */
export const reshardSummary: Effect.Effect<ReshardSummary, ServerFailure, CouchHttp> = reshard.summary

/**
 * Stops or resumes resharding on the cluster: `PUT /_reshard/state`.
 *
 * @since 0.1.0
 * @category resharding
 */
export const setReshardState: (
  state: ReshardState,
  reason?: string
) => Effect.Effect<void, ServerFailure, CouchHttp> = reshard.setState

/**
 * Returns the resharding jobs: `GET /_reshard/jobs`.
 *
 * @since 0.1.0
 * @category resharding
 */
export const reshardJobs: Effect.Effect<ReadonlyArray<ReshardJob>, ServerFailure, CouchHttp> = reshard.jobs

/**
 * Returns a resharding job: `GET /_reshard/jobs/{jobid}`.
 *
 * @since 0.1.0
 * @category resharding
 */
export const reshardJob: (id: string) => Effect.Effect<ReshardJob, ServerFailure, CouchHttp> = reshard.job

/**
 * Returns the state of a job and its reason: `GET /_reshard/jobs/{jobid}/state`.
 *
 * @since 0.1.0
 * @category resharding
 */
export const reshardJobState: (
  id: string
) => Effect.Effect<
  { readonly state: string; readonly reason: Option.Option<string> },
  ServerFailure,
  CouchHttp
> = reshard.jobState

/**
 * Stops or resumes a job: `PUT /_reshard/jobs/{jobid}/state`.
 *
 * @since 0.1.0
 * @category resharding
 */
export const setReshardJobState: (
  id: string,
  state: ReshardState,
  reason?: string
) => Effect.Effect<void, ServerFailure, CouchHttp> = reshard.setJobState

/**
 * Splits shards into two each: `POST /_reshard/jobs`. Returns for each shard its job, or the reason why there is none.
 *
 * @example
 * import { Server } from "effect-couchdb"
 *
 * const program = Server.startReshard({ database: "zoo" })
 *
 * @since 0.1.0
 * @category resharding
 */
export const startReshard: (
  which: ReshardStart
) => Effect.Effect<ReadonlyArray<ReshardStarted>, ServerFailure, CouchHttp> = reshard.start

/**
 * Removes a job, and stops it if it is running: `DELETE /_reshard/jobs/{jobid}`.
 *
 * @since 0.1.0
 * @category resharding
 */
export const removeReshardJob: (id: string) => Effect.Effect<void, ServerFailure, CouchHttp> = reshard.remove
