/**
 * The server itself: what it is, its databases and what happens to them, its tasks, its nodes and their configuration.
 * Most of this is for administrators of the server; CouchDB answers others with 401.
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
import { ask, askFor, askForOk } from "../http/ask.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import type { NotFoundError, RequestError } from "../http/errors.js"
import { verifySchema } from "../http/verification.js"
import * as internalNames from "./names.js"
import * as node from "./node.js"
import * as reshard from "./reshard.js"
import { ActiveTasks } from "./tasks.js"
import * as internalUpdates from "./updates.js"

/**
 * What any of these operations can fail with. No endpoint here answers 409.
 *
 * @since 0.1.0
 * @category errors
 */
export type ServerFailure = NotFoundError | RequestError

/**
 * What a server says of itself.
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
 * What a server says of itself: `GET /`. Anybody may ask.
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
export const info: Effect.Effect<Info, ServerFailure, CouchHttp> = askFor(
  Info,
  { method: "GET", path: "/", route: "/" }
)

const isUp = verifySchema(Schema.Struct({ status: Schema.Literal("ok") }))

/**
 * Whether the server serves requests: `GET /_up`. `false` in maintenance mode, which it says with a 404.
 *
 * @since 0.1.0
 * @category operations
 */
export const up: Effect.Effect<boolean, RequestError, CouchHttp> = ask({
  method: "GET",
  path: "/_up",
  route: "/_up",
  verify: isUp
}).pipe(Effect.as(true), Effect.catchTag("NotFoundError", () => Effect.succeed(false)))

/**
 * New ids: `GET /_uuids`. A server gives a thousand at the most, unless configured otherwise.
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
    askFor(Schema.Struct({ uuids: Schema.Array(Schema.String) }), {
      method: "GET",
      path: `/_uuids?count=${encodeURIComponent(count)}`,
      route: "/_uuids"
    }),
    ({ uuids }) => uuids
  )

/**
 * Which names of databases. The keys are names, as they are.
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
 * The names of the databases, in one answer: `GET /_all_dbs`.
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
 * The names of all databases, a page at a time: `GET /_all_dbs`. Keeps a page in memory, however many there are.
 *
 * @since 0.1.0
 * @category databases
 */
export const streamDatabases: Stream.Stream<string, ServerFailure, CouchHttp> = internalNames.allNames

/**
 * What a database says of itself, or `None` where there is none of that name.
 *
 * @since 0.1.0
 * @category model
 */
export interface DatabaseInfo {
  readonly name: string
  readonly info: Option.Option<Database.Info>
}

/**
 * What these databases say of themselves, in the order of their names here: `POST /_dbs_info`, a hundred at a time.
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
 * What all databases say of themselves: `GET /_all_dbs` and `POST /_dbs_info`, as one goes on.
 *
 * @since 0.1.0
 * @category databases
 */
export const streamDatabaseInfos: Stream.Stream<DatabaseInfo, ServerFailure, CouchHttp> = internalNames.infos(
  internalNames.allNames
)

/**
 * What happened to a database. A database that was updated again comes once, at its last place.
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
 * What happened to databases, in one answer. `lastSequence` is where the next one begins.
 *
 * @since 0.1.0
 * @category updates
 */
export interface UpdatesPage {
  readonly updates: ReadonlyArray<Update>
  readonly lastSequence: string
}

/**
 * Which part of the feed.
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
 * What happened to databases, read to its end: `GET /_db_updates`.
 *
 * @since 0.1.0
 * @category updates
 */
export const updates = (options: UpdatesOptions = {}): Effect.Effect<UpdatesPage, ServerFailure, CouchHttp> =>
  internalUpdates.page("normal", options)

/**
 * Waits until something happens to a database: `GET /_db_updates?feed=longpoll`. After `timeout` there may be nothing.
 *
 * @since 0.1.0
 * @category updates
 */
export const longpollUpdates = (options: UpdatesOptions = {}): Effect.Effect<UpdatesPage, ServerFailure, CouchHttp> =>
  internalUpdates.page("longpoll", options)

/**
 * What happens to databases, over one connection: `GET /_db_updates?feed=continuous`. It ends where the server ends it.
 *
 * @since 0.1.0
 * @category updates
 */
export const continuousUpdates = (options: UpdatesOptions = {}): Stream.Stream<Update, ServerFailure, CouchHttp> =>
  internalUpdates.continuous(options)

/**
 * What a follower of a server can be told, as `Changes.FollowOptions` has it.
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
 * Stays with a server: everything that happens to its databases at least once, over broken connections, as
 * `Changes.follow` does it. It ends where `_global_changes`, which the server keeps this in, is deleted.
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
 * What every task says. `fields` is all that the server said of it.
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
 * What a task at one shard of a database says; `progress` is in percent.
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
 * A replication at work. `document` is the id in `_replicator`, empty where there is none.
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
 * What the server is busy with. A kind that is not known here is an `OtherTask`.
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
 * What the server is busy with: `GET /_active_tasks`.
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
export const activeTasks: Effect.Effect<ReadonlyArray<ActiveTask>, ServerFailure, CouchHttp> = askFor(ActiveTasks, {
  method: "GET",
  path: "/_active_tasks",
  route: "/_active_tasks"
})

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
 * The nodes that this one knows, and those that are of the cluster: `GET /_membership`.
 *
 * @since 0.1.0
 * @category cluster
 */
export const membership: Effect.Effect<Membership, ServerFailure, CouchHttp> = askFor(Membership, {
  method: "GET",
  path: "/_membership",
  route: "/_membership"
})

/**
 * How far the set-up of a cluster is: `GET /_cluster_setup`. CouchDB says `single_node_disabled`, `single_node_enabled`,
 * `cluster_disabled`, `cluster_enabled` or `cluster_finished`.
 *
 * @since 0.1.0
 * @category cluster
 */
export const clusterState: Effect.Effect<string, ServerFailure, CouchHttp> = Effect.map(
  askFor(Schema.Struct({ state: Schema.String }), { method: "GET", path: "/_cluster_setup", route: "/_cluster_setup" }),
  ({ state }) => state
)

/**
 * A step of the set-up of a cluster, as CouchDB's documentation has them, with the password redacted.
 *
 * @since 0.1.0
 * @category cluster
 */
export interface ClusterAction {
  readonly action: "enable_single_node" | "enable_cluster" | "add_node" | "remove_node" | "finish_cluster"
  readonly username?: string | undefined
  readonly password?: Redacted.Redacted | undefined
  /** Whatever else the step takes: `bind_address`, `port`, `node_count`, `remote_node`, `host`… */
  readonly options?: { readonly [key: string]: Json.Json } | undefined
}

/**
 * Takes a step of the set-up of a cluster: `POST /_cluster_setup`.
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
    askForOk({
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
 * The configuration of a node, or of one section: `GET /_node/{node}/_config`. It may hold secrets. A section that is not
 * there is empty.
 *
 * @since 0.1.0
 * @category configuration
 */
export const config: (
  node?: string
) => Effect.Effect<Readonly<Record<string, Readonly<Record<string, string>>>>, ServerFailure, CouchHttp> = node.config

/**
 * One section of a node's configuration: `GET /_node/{node}/_config/{section}`. Empty where there is none.
 *
 * @since 0.1.0
 * @category configuration
 */
export const configSection: (
  section: string,
  node?: string
) => Effect.Effect<Readonly<Record<string, string>>, ServerFailure, CouchHttp> = node.section

/**
 * One value of a node's configuration: `GET /_node/{node}/_config/{section}/{key}`.
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
 * Sets a value of a node's configuration, and gives the one before, empty where there was none:
 * `PUT /_node/{node}/_config/{section}/{key}`.
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
 * Deletes a value of a node's configuration, and gives it, or `None` where there was none:
 * `DELETE /_node/{node}/_config/{section}/{key}`.
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
 * Has a node read its configuration from disk again: `POST /_node/{node}/_config/_reload`.
 *
 * @since 0.1.0
 * @category configuration
 */
export const reloadConfig: (node?: string) => Effect.Effect<void, ServerFailure, CouchHttp> = node.reload

/**
 * The name of a node: `GET /_node/{node}`. `_local` is the one that is asked.
 *
 * @since 0.1.0
 * @category nodes
 */
export const nodeName: (node?: string) => Effect.Effect<string, ServerFailure, CouchHttp> = node.name

/**
 * What a node counts, below the names in `path`, such as `["couchdb", "request_time"]`: `GET /_node/{node}/_stats/…`.
 *
 * @since 0.1.0
 * @category nodes
 */
export const stats: (
  path?: ReadonlyArray<string>,
  node?: string
) => Effect.Effect<Json.Json, ServerFailure, CouchHttp> = node.stats

/**
 * How a node is: its uptime in seconds, memory, processes and queues: `GET /_node/{node}/_system`.
 *
 * @since 0.1.0
 * @category nodes
 */
export const system: (node?: string) => Effect.Effect<Json.Json, ServerFailure, CouchHttp> = node.system

/**
 * The versions of what a node is made of: `GET /_node/{node}/_versions`.
 *
 * @since 0.1.0
 * @category nodes
 */
export const versions: (node?: string) => Effect.Effect<Json.Json, ServerFailure, CouchHttp> = node.versions

/**
 * What a node counts, as text for Prometheus: `GET /_node/{node}/_prometheus`.
 *
 * @since 0.1.0
 * @category nodes
 */
export const prometheus: (node?: string) => Effect.Effect<string, ServerFailure, CouchHttp> = node.prometheus

/**
 * Whether shards are split, or one job is to: `stopped` ones go on when they are `running` again.
 *
 * @since 0.1.0
 * @category resharding
 */
export type ReshardState = "running" | "stopped"

/**
 * How far the splitting of shards is, on the whole cluster.
 *
 * @since 0.1.0
 * @category resharding
 */
export type ReshardSummary = typeof reshard.Summary.Type

/**
 * The splitting of one shard. `state` is `new`, `running`, `stopped`, `completed` or `failed`, and `phase` is what it is
 * at.
 *
 * @since 0.1.0
 * @category resharding
 */
export type ReshardJob = typeof reshard.Job.Type

/**
 * Which shards to split: those of a database, of a range such as `00000000-7fffffff` in it, of a node, or one by its name.
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
 * A splitting that was asked for: its job, or why there is none.
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
 * How far the splitting of shards is: `GET /_reshard`.
 *
 * @since 0.1.0
 * @category resharding
 */
export const reshardSummary: Effect.Effect<ReshardSummary, ServerFailure, CouchHttp> = reshard.summary

/**
 * Stops the splitting of shards on the cluster, or lets it go on: `PUT /_reshard/state`.
 *
 * @since 0.1.0
 * @category resharding
 */
export const setReshardState: (
  state: ReshardState,
  reason?: string
) => Effect.Effect<void, ServerFailure, CouchHttp> = reshard.setState

/**
 * The jobs that split shards: `GET /_reshard/jobs`.
 *
 * @since 0.1.0
 * @category resharding
 */
export const reshardJobs: Effect.Effect<ReadonlyArray<ReshardJob>, ServerFailure, CouchHttp> = reshard.jobs

/**
 * One job that splits a shard: `GET /_reshard/jobs/{jobid}`.
 *
 * @since 0.1.0
 * @category resharding
 */
export const reshardJob: (id: string) => Effect.Effect<ReshardJob, ServerFailure, CouchHttp> = reshard.job

/**
 * How a job is, and why: `GET /_reshard/jobs/{jobid}/state`.
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
 * Stops one job, or lets it go on: `PUT /_reshard/jobs/{jobid}/state`.
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
 * Splits shards, each into two: `POST /_reshard/jobs`. Gives a job for each, or why there is none.
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
 * Removes a job, and stops it if it is at work: `DELETE /_reshard/jobs/{jobid}`.
 *
 * @since 0.1.0
 * @category resharding
 */
export const removeReshardJob: (id: string) => Effect.Effect<void, ServerFailure, CouchHttp> = reshard.remove
