/**
 * Design documents as code: defined with their views and functions, compared with the stored ones, and deployed so that
 * no reader waits for an index.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { InvalidIdError } from "../data/errors.js"
import type { Json, JsonObject } from "../data/Json.js"
import { documentPath, segmentProblem } from "../data/path.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import { type NotFoundError, type RequestError, type UpdateConflictError } from "../http/errors.js"
import { sendDecoded } from "../http/send.js"
import * as definition from "./design/definition.js"
import * as internal from "./design/deploy.js"
import * as normal from "./design/normal.js"
import * as stored from "./design/stored.js"

/**
 * A function to run on the server: source text, or a JavaScript function whose source is sent. Such a function cannot
 * use anything of its module, and code that a bundler or a coverage tool inserts is sent too, so source text is safer.
 *
 * @since 0.1.0
 * @category model
 */
export type Code = string | ((...args: ReadonlyArray<never>) => unknown)

/**
 * The definition of a view: its map and reduce functions, and the schemas of its rows. `map` is an object only if
 * `language` is `query`.
 *
 * @since 0.1.0
 * @category model
 */
export interface ViewDefinition<
  K = Json,
  IK = unknown,
  RK = never,
  V = Json,
  IV = unknown,
  RV = never,
  W = Json,
  IW = unknown,
  RW = never
> {
  readonly map: Code | JsonObject
  readonly reduce?: Code | undefined
  readonly options?: JsonObject | undefined
  readonly key?: Schema.Schema<K, IK, RK> | undefined
  readonly value?: Schema.Schema<V, IV, RV> | undefined
  readonly reduced?: Schema.Schema<W, IW, RW> | undefined
}

/**
 * A view with any schemas.
 *
 * @since 0.1.0
 * @category model
 */
export interface AnyView {
  readonly map: Code | JsonObject
  readonly reduce?: Code | undefined
  readonly options?: JsonObject | undefined
  readonly key?: Schema.Schema.AnyNoContext | Schema.Schema.All | undefined
  readonly value?: Schema.Schema.AnyNoContext | Schema.Schema.All | undefined
  readonly reduced?: Schema.Schema.AnyNoContext | Schema.Schema.All | undefined
}

/**
 * A view as `View.make` accepts it: its location, and the schemas of its keys and values.
 *
 * @since 0.1.0
 * @category model
 */
export type Handle<V extends AnyView> = Omit<V, "map" | "reduce" | "options"> & {
  readonly design: string
  readonly view: string
}

/**
 * The analyzer of a search index: a name, or an object with its options.
 *
 * @since 0.1.0
 * @category model
 */
export type Analyzer = string | JsonObject

/**
 * A Nouveau index.
 *
 * @since 0.1.0
 * @category model
 */
export interface Searchable {
  readonly index: Code
  readonly defaultAnalyzer?: Analyzer | undefined
  readonly fieldAnalyzers?: Readonly<Record<string, Analyzer>> | undefined
}

/**
 * The content of a design document.
 *
 * - `language`: `javascript` by default; `query` for Mango indexes
 * - `lib`: CommonJS modules for the views, source text by name
 * - `validate`: checks every write to the database (`validate_doc_update`)
 * - `nouveau`, `indexes`: the search indexes of Nouveau, and of Clouseau
 * - `partitioned`: whether its views are partitioned, in a partitioned database
 * - `options`, `members`: other options and members, under CouchDB's names
 *
 * @since 0.1.0
 * @category model
 */
export interface Content<Views extends Readonly<Record<string, AnyView>> = Readonly<Record<string, AnyView>>> {
  readonly language?: string | undefined
  readonly views?: Views | undefined
  readonly lib?: Readonly<Record<string, unknown>> | undefined
  readonly filters?: Readonly<Record<string, Code>> | undefined
  readonly updates?: Readonly<Record<string, Code>> | undefined
  readonly validate?: Code | undefined
  readonly nouveau?: Readonly<Record<string, Searchable>> | undefined
  readonly indexes?:
    | Readonly<Record<string, { readonly index: Code; readonly analyzer?: Analyzer | undefined }>>
    | undefined
  readonly partitioned?: boolean | undefined
  readonly options?: Readonly<Record<string, unknown>> | undefined
  readonly members?: Readonly<Record<string, unknown>> | undefined
}

/**
 * The definition of a design document: its name without `_design/`, its body as it is stored, and its views.
 *
 * @since 0.1.0
 * @category model
 */
export interface DesignDocument<
  out Views extends Readonly<Record<string, AnyView>> = Readonly<Record<string, AnyView>>
> {
  readonly name: string
  readonly body: JsonObject
  readonly views: { readonly [View in keyof Views]: Handle<Views[View]> }
}

/**
 * A difference between two design documents. `path` is, for example, `["views", "bySeen"]` or
 * `["validate_doc_update"]`.
 *
 * @since 0.1.0
 * @category model
 */
export interface Difference {
  readonly _tag: "Added" | "Removed" | "Changed"
  readonly path: ReadonlyArray<string>
  readonly before: Option.Option<Json>
  readonly after: Option.Option<Json>
}

/**
 * The result of a deployment: the document was already stored, or it was written, after its indexes were built if they
 * changed.
 *
 * @since 0.1.0
 * @category model
 */
export type Deployment =
  | { readonly _tag: "Unchanged" }
  | {
    readonly _tag: "Deployed"
    readonly differences: ReadonlyArray<Difference>
    readonly rebuilt: boolean
  }

/**
 * The errors of reading a design document.
 *
 * @since 0.1.0
 * @category errors
 */
export type DesignFailure = InvalidIdError | NotFoundError | RequestError

/**
 * The errors of a deployment. A function that the server cannot compile fails with a `BadRequestError`, and nothing is
 * changed. An `UpdateConflictError` remains if other clients repeatedly wrote the document at the same time.
 *
 * @since 0.1.0
 * @category errors
 */
export type DeployFailure = DesignFailure | UpdateConflictError

/**
 * Describes a view with the schemas of its keys, of its values, and of its reduced values.
 *
 * @example
 * import { Schema } from "effect"
 * import { DesignDocument } from "effect-couchdb"
 *
 * const bySeen = DesignDocument.view({
 *   map: "function (doc) { emit(doc.seen, doc.name) }",
 *   reduce: "_count",
 *   key: Schema.Number,
 *   value: Schema.String,
 *   reduced: Schema.Number
 * })
 *
 * @since 0.1.0
 * @category constructors
 */
export const view = <
  K = Json,
  IK = unknown,
  RK = never,
  V = Json,
  IV = unknown,
  RV = never,
  W = Json,
  IW = unknown,
  RW = never
>(
  definition: ViewDefinition<K, IK, RK, V, IV, RV, W, IW, RW>
): ViewDefinition<K, IK, RK, V, IV, RV, W, IW, RW> => definition

/**
 * Defines a design document; no I/O. Throws if the name is invalid, or if a function has no source text that a server
 * could run. `View.make` accepts its views.
 *
 * @example
 * import { Schema } from "effect"
 * import { DesignDocument, View } from "effect-couchdb"
 *
 * const zoo = DesignDocument.make("zoo", {
 *   views: {
 *     bySeen: DesignDocument.view({
 *       map: "function (doc) { emit(doc.seen, doc.name) }",
 *       key: Schema.Number,
 *       value: Schema.String
 *     })
 *   },
 *   filters: { often: "function (doc) { return doc.seen > 10 }" }
 * })
 *
 * const often = View.stream("zoo", View.make(zoo.views.bySeen), { startKey: 10 })
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <const Views extends Readonly<Record<string, AnyView>> = {}>(
  name: string,
  content: Content<Views>
): DesignDocument<Views> => {
  const problem = segmentProblem(name)
  if (problem !== undefined) throw new InvalidIdError({ kind: "design document", value: name, problem })
  const handles = Object.entries(content.views ?? {}).map(([view, { key, reduced, value }]) => [
    view,
    { design: name, view, key, value, reduced }
  ])
  return { name, body: definition.bodyOf(name, content), views: Object.fromEntries(handles) }
}

/**
 * A field of a Mango index, ascending by default.
 *
 * @since 0.1.0
 * @category model
 */
export type IndexField = string | Readonly<Record<string, "asc" | "desc">>

/**
 * Defines a design document with Mango indexes. `partialFilterSelector` must use explicit operators, as in
 * `{ seen: { $gt: 0 } }`. `Mango.createIndex` (`POST /{db}/_index`) is simpler if the
 * indexes need not be deployed together.
 *
 * @example
 * import { DesignDocument } from "effect-couchdb"
 *
 * const indexes = DesignDocument.mango("by-name", { name: { fields: ["name", "seen"] } })
 *
 * @since 0.1.0
 * @category constructors
 */
export const mango = (
  name: string,
  indexes: Readonly<
    Record<
      string,
      { readonly fields: ReadonlyArray<IndexField>; readonly partialFilterSelector?: JsonObject | undefined }
    >
  >,
  options?: { readonly partitioned?: boolean | undefined }
): DesignDocument =>
  make(name, {
    language: "query",
    ...(options?.partitioned !== undefined && { partitioned: options.partitioned }),
    views: Object.fromEntries(
      Object.entries(indexes).map(([index, { fields, partialFilterSelector }]) => {
        const filter: JsonObject = partialFilterSelector === undefined
          ? {}
          : { partial_filter_selector: partialFilterSelector }
        const ordered = fields.flatMap((field) =>
          Object.entries(typeof field === "string" ? { [field]: "asc" } : field)
        )
        return [index, {
          map: { fields: Object.fromEntries(ordered), ...filter },
          reduce: "_count",
          options: { def: { fields, ...filter } }
        }]
      })
    )
  })

/**
 * Returns the stored design document, without `_id`, `_rev` and attachments: `GET /{db}/_design/{ddoc}`.
 *
 * @since 0.1.0
 * @category operations
 */
export const deployed: {
  (name: string): (database: string) => Effect.Effect<Option.Option<JsonObject>, DesignFailure, CouchHttp>
  (database: string, name: string): Effect.Effect<Option.Option<JsonObject>, DesignFailure, CouchHttp>
} = dual(
  2,
  (database: string, name: string) =>
    Effect.map(Effect.flatMap(stored.address(database, name), stored.read), Option.map(({ body }) => body))
)

/**
 * Returns the differences between a definition and the stored design document; none if it is deployed. Empty members,
 * the order of members, and members that the server adds are ignored.
 *
 * @example
 * import { Effect } from "effect"
 * import { DesignDocument } from "effect-couchdb"
 *
 * const isDeployed = (design: DesignDocument.DesignDocument) =>
 *   Effect.map(DesignDocument.compare("zoo", design), (differences) => differences.length === 0)
 *
 * @since 0.1.0
 * @category operations
 */
export const compare: {
  (design: DesignDocument): (
    database: string
  ) => Effect.Effect<ReadonlyArray<Difference>, DesignFailure, CouchHttp>
  (database: string, design: DesignDocument): Effect.Effect<ReadonlyArray<Difference>, DesignFailure, CouchHttp>
} = dual(
  2,
  (database: string, design: DesignDocument) =>
    Effect.map(deployed(database, design.name), (found) => normal.differences(found, design.body))
)

/**
 * Deploys a design document, unless it is already stored. If its indexes changed, they are first built by a second
 * design document (`{name}~staged-…`), however long that takes, while readers use the old indexes. Then the document
 * itself is written, which shares the new indexes, and the staged document is deleted.
 *
 * A deployment can be interrupted at any time and run again, and several may run concurrently: deployments of the same
 * definition cooperate; of different definitions, the last one wins. `Server.activeTasks` reports the progress of
 * indexes.
 *
 * @example
 * import { Effect } from "effect"
 * import { DesignDocument } from "effect-couchdb"
 *
 * const zoo = DesignDocument.make("zoo", {
 *   views: { all: DesignDocument.view({ map: "function (doc) { emit(doc._id, null) }" }) }
 * })
 *
 * const program = Effect.flatMap(DesignDocument.deploy("zoo", zoo), (done) => Effect.log(done._tag))
 *
 * @since 0.1.0
 * @category operations
 */
export const deploy = (
  database: string,
  design: DesignDocument,
  options?: {
    /** Whether to delete the files of unused indexes; true by default. */
    readonly cleanUp?: boolean | undefined
  }
): Effect.Effect<Deployment, DeployFailure, CouchHttp> =>
  internal.deploy(database, design.name, design.body, options?.cleanUp ?? true)

const delete_ = (database: string, name: string): Effect.Effect<boolean, DeployFailure, CouchHttp> =>
  internal.removeDesign(database, name)
export {
  /**
   * Deletes a design document and the files of its indexes: `DELETE /{db}/_design/{ddoc}`. Returns whether it existed.
   *
   * @since 0.1.0
   * @category operations
   */
  delete_ as delete
}

/**
 * The state of the indexes of a design document. `pending` is the number of changes that are not indexed yet.
 *
 * @since 0.1.0
 * @category schemas
 */
export class Info extends Schema.Class<Info>("effect-couchdb/DesignDocument/Info")({
  name: Schema.String,
  index: Schema.propertySignature(Schema.Struct({
    signature: Schema.String,
    language: Schema.String,
    updaterRunning: Schema.propertySignature(Schema.Boolean).pipe(Schema.fromKey("updater_running")),
    compactRunning: Schema.propertySignature(Schema.Boolean).pipe(Schema.fromKey("compact_running")),
    waitingClients: Schema.propertySignature(Schema.Number).pipe(Schema.fromKey("waiting_clients")),
    sizes: Schema.Struct({ file: Schema.Number, external: Schema.Number, active: Schema.Number }),
    pending: Schema.optionalWith(Schema.Struct({ total: Schema.Number }).pipe(Schema.pluck("total")), {
      default: () => 0
    }).pipe(Schema.fromKey("updates_pending"))
  })).pipe(Schema.fromKey("view_index"))
}) {}

/**
 * Returns the state of the indexes of a design document: `GET /{db}/_design/{ddoc}/_info`.
 *
 * @since 0.1.0
 * @category operations
 */
export const info: {
  (name: string): (database: string) => Effect.Effect<Info, DesignFailure, CouchHttp>
  (database: string, name: string): Effect.Effect<Info, DesignFailure, CouchHttp>
} = dual(
  2,
  (database: string, name: string) =>
    Effect.flatMap(stored.address(database, name), (at) =>
      sendDecoded(Info, {
        method: "GET",
        path: `${documentPath(at.database, at.id)}/_info`,
        route: "/{db}/_design/{ddoc}/_info",
        database: at.database,
        id: at.id
      }))
)
