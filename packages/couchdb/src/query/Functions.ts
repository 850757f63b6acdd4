/**
 * The functions of design documents that answer a request themselves: updates, and where a server still has them shows,
 * lists and rewrites. CouchDB calls the last three deprecated.
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
 * A function of a design document: what it is given, and what it answers.
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
 * Where a function is: in a database, or in that of a collection.
 *
 * @since 0.1.0
 * @category model
 */
export type Where = string | { readonly database: string }

/**
 * Describes a function. `input` is what it is given, as JSON; without it, it is given nothing. `output` is what it answers,
 * in JSON; without it, the answer is a text. The design document is named without `_design/`.
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
 * What an update function did: its answer, and the document that it wrote, if it wrote any.
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
 * The errors of calling a function: a `NotFoundError` if it does not exist, a `DecodeError` if its response does not match the
 * description, and the error of the status that the function itself returns.
 *
 * @since 0.1.0
 * @category errors
 */
export type CallError = NotFoundError | RequestError | InvalidIdError | EncodeError | DecodeError

/**
 * What an update can fail with: an `UpdateConflictError` where somebody else wrote the document meanwhile.
 *
 * @since 0.1.0
 * @category errors
 */
export type UpdateError = HttpError | InvalidIdError | EncodeError | DecodeError

/**
 * What a function is asked with: the id of its document, and its query.
 *
 * @since 0.1.0
 * @category model
 */
export interface Options {
  readonly id?: string | undefined
  readonly query?: Readonly<Record<string, string>> | undefined
}

/**
 * Has an update function write: `PUT /{db}/_design/{ddoc}/_update/{func}/{docid}`, and without an id
 * `POST /{db}/_design/{ddoc}/_update/{func}`.
 *
 * Nobody but the function knows what it writes. So a call whose answer was lost is not repeated: it may have happened.
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
 * Calls a show function with a document, or without one if there is no id: `GET /{db}/_design/{ddoc}/_show/{func}/{docid}`.
 * With a body it is a POST.
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
 * What a list function makes of a view, of its own design document or of another:
 * `GET /{db}/_design/{ddoc}/_list/{func}/{view}`, or `…/{other-ddoc}/{view}`; `keys` go in a POST. The rows that it is given are those of `options`.
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
 * Whatever a rewritten path leads to.
 *
 * @since 0.1.0
 * @category model
 */
export interface Answer {
  readonly status: number
  readonly contentType: Option.Option<string>
  readonly text: string
}

/**
 * Asks for a path that the design document rewrites: `ANY /{db}/_design/{ddoc}/_rewrite/{path}`. The path is sent as it is,
 * so that it is to be encoded where it must be; `.` and `..` lead nowhere.
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
) => Effect.Effect<Answer, HttpError | InvalidIdError, CouchHttp> = internal.rewrite
