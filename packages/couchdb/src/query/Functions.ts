/**
 * The functions of design documents that produce HTTP responses: update functions, and, on servers that still support
 * them, show, list and rewrite functions. CouchDB deprecates the last three.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import type { InvalidIdError } from "../data/errors.js"
import type { Revision } from "../data/Revision.js"
import type { DecodeError, EncodeError } from "../document/errors.js"
import type { CouchHttp, CouchRequest, Durability } from "../http/CouchHttp.js"
import type { HttpError, NotFoundError, RequestError } from "../http/errors.js"
import * as internal from "./callFunction.js"
import type { Options as ViewOptions, View } from "./View.js"

/**
 * A function of a design document, with the types of its input and of its output.
 *
 * @since 0.1.0
 * @category model
 */
export interface Fn<in In, out Out, out R = never> {
  readonly [internal.TypeId]: internal.Variance<In, Out, R>
  readonly design: string
  readonly name: string
}

/**
 * The database of a function: its name, or a collection in it.
 *
 * @since 0.1.0
 * @category model
 */
export type Where = string | { readonly database: string }

/**
 * Describes a function. `input` is the schema of the JSON that is sent to the function; without it, nothing is sent.
 * `output` is the schema of its JSON response; without it, the response is a string. `design` is the name of the design
 * document without `_design/`.
 *
 * @example
 * import { Functions } from "effect-couchdb"
 * import { Schema } from "effect"
 *
 * const sighting = Functions.make({
 *   design: "zoo",
 *   name: "sighting",
 *   input: Schema.Struct({ by: Schema.Number }),
 *   output: Schema.Struct({ seen: Schema.Number })
 * })
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: <In = void, II = unknown, RI = never, Out = string, IO = unknown, RO = never>(
  description: {
    readonly design: string
    readonly name: string
    readonly input?: Schema.Schema<In, II, RI> | undefined
    readonly output?: Schema.Schema<Out, IO, RO> | undefined
  }
) => Fn<In, Out, RI | RO> = internal.make

/**
 * The result of an update function: its response, and the id and revision of the document if the function wrote one.
 *
 * @since 0.1.0
 * @category model
 */
export interface Updated<out Out> {
  readonly output: Out
  readonly id: Option.Option<string>
  readonly rev: Option.Option<Revision>
  readonly durability: Durability
}

/**
 * The errors of a call: a `NotFoundError` if the function does not exist, a `DecodeError` if the response does not
 * match the output schema, and an error for each other status that the function responds with.
 *
 * @since 0.1.0
 * @category errors
 */
export type CallError = NotFoundError | RequestError | InvalidIdError | EncodeError | DecodeError

/**
 * The errors of an update: those of a call, and an `UpdateConflictError` if another client wrote the document
 * meanwhile.
 *
 * @since 0.1.0
 * @category errors
 */
export type UpdateError = HttpError | InvalidIdError | EncodeError | DecodeError

/**
 * The options of a call: the id of the document that the function receives, and query parameters.
 *
 * @since 0.1.0
 * @category model
 */
export interface Options {
  readonly id?: string | undefined
  readonly query?: Readonly<Record<string, string>> | undefined
}

/**
 * Calls an update function: `PUT /{db}/_design/{ddoc}/_update/{func}/{docid}`, or
 * `POST /{db}/_design/{ddoc}/_update/{func}` without an id.
 *
 * A call whose response was lost is not retried, because an update function may not be idempotent.
 *
 * @example
 * import { Functions } from "effect-couchdb"
 * import { Schema } from "effect"
 *
 * const sighting = Functions.make({
 *   design: "zoo",
 *   name: "sighting",
 *   input: Schema.Struct({ by: Schema.Number }),
 *   output: Schema.Struct({ seen: Schema.Number })
 * })
 * const program = Functions.update("zoo", sighting, { by: 2 }, { id: "monarch" })
 *
 * @since 0.1.0
 * @category calls
 */
export const update: <In, Out, R>(
  where: Where,
  fn: Fn<In, Out, R>,
  input: In,
  options?: Options
) => Effect.Effect<Updated<Out>, UpdateError, CouchHttp | R> = internal.update

/**
 * Renders a document with a show function: `GET /{db}/_design/{ddoc}/_show/{func}/{docid}`. Without an id, the function
 * receives no document. Input is sent in a POST.
 *
 * @example
 * import { Functions } from "effect-couchdb"
 *
 * const card = Functions.make({ design: "zoo", name: "card" })
 * const html = Functions.show("zoo", card, undefined, { id: "monarch" })
 *
 * @since 0.1.0
 * @category calls
 */
export const show: <In, Out, R>(
  where: Where,
  fn: Fn<In, Out, R>,
  input: In,
  options?: Options
) => Effect.Effect<Out, CallError, CouchHttp | R> = internal.show

/**
 * Renders the rows of a view with a list function: `GET /{db}/_design/{ddoc}/_list/{func}/{view}`, or
 * `…/{other-ddoc}/{view}` for a view of another design document. `options` select the rows; `keys` are sent in a POST.
 *
 * @example
 * import { Functions, View } from "effect-couchdb"
 *
 * const table = Functions.make({ design: "zoo", name: "table" })
 * const html = Functions.list("zoo", table, View.make({ design: "zoo", view: "bySeen" }), { limit: 10 })
 *
 * @since 0.1.0
 * @category calls
 */
export const list: <Out, R, K, V, R2>(
  where: Where,
  fn: Fn<void, Out, R>,
  view: View<K, V, R2>,
  options?: ViewOptions<K> & { readonly query?: Readonly<Record<string, string>> | undefined }
) => Effect.Effect<Out, CallError, CouchHttp | R | R2> = internal.list

/**
 * The response to a rewritten path.
 *
 * @since 0.1.0
 * @category model
 */
export interface Response {
  readonly status: number
  readonly contentType: Option.Option<string>
  readonly text: string
}

/**
 * Sends a request to a path that the design document rewrites: `ANY /{db}/_design/{ddoc}/_rewrite/{path}`. The path is
 * sent unchanged, so the caller encodes it. A path with a `.` or `..` segment fails with an `InvalidIdError`.
 *
 * @example
 * import { Functions } from "effect-couchdb"
 *
 * const program = Functions.rewrite("zoo", "site", "butterflies/monarch", { query: { full: "true" } })
 *
 * @since 0.1.0
 * @category calls
 */
export const rewrite: (
  where: Where,
  design: string,
  path: string,
  options?: {
    readonly method?: CouchRequest["method"] | undefined
    readonly query?: Readonly<Record<string, string>> | undefined
    readonly body?: string | undefined
  }
) => Effect.Effect<Response, HttpError | InvalidIdError, CouchHttp> = internal.rewrite
