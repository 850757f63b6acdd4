/**
 * Functions of design documents, written in TypeScript.
 *
 * A design document contains its functions as JavaScript text. The embedded CouchDB does not run that text by default.
 * A function given here replaces the text at the same path: `people` → `views` → `byAge` replaces `views.byAge.map` of
 * `_design/people`, in every database that has this document. Only functions that a stored design document defines
 * exist, so a program that stores its design documents finds the same views on the embedded CouchDB as on a real one.
 *
 * @since 0.1.0
 */

/**
 * A document as design functions get it: a plain object with `_id` and `_rev`.
 *
 * @since 0.1.0
 * @category model
 */
export interface Doc {
  readonly _id: string
  readonly [field: string]: unknown
}

/**
 * Adds a row to a view.
 *
 * @since 0.1.0
 * @category model
 */
export type Emit = (key: unknown, value: unknown) => void

/**
 * The functions of a view. `reduce` replaces JavaScript text only. Built-in reduce functions such as `_sum`, `_count`
 * and `_stats` need no function.
 *
 * - `map`: must emit the same rows for the same document. If it throws, it emits no rows
 * - `reduce`: gets `[key, id]` pairs and the emitted values. If `rereduce` is set, it gets `null` and its own earlier
 *   results
 *
 * @since 0.1.0
 * @category model
 */
export interface View {
  readonly map: (doc: Doc, emit: Emit) => void
  readonly reduce?: (
    keys: ReadonlyArray<readonly [key: unknown, id: string]> | null,
    values: ReadonlyArray<unknown>,
    rereduce: boolean
  ) => unknown
}

/**
 * The user of a request, as design functions get it.
 *
 * @since 0.1.0
 * @category model
 */
export interface UserContext {
  readonly db: string
  readonly name: string | null
  readonly roles: ReadonlyArray<string>
}

/**
 * The request, as design functions get it: `query`, `headers`, `body` and the other fields of CouchDB's request object.
 *
 * @since 0.1.0
 * @category model
 */
export interface Request {
  readonly id: string | null
  readonly method: string
  readonly path: ReadonlyArray<string>
  readonly query: { readonly [name: string]: unknown }
  readonly headers: { readonly [name: string]: string }
  readonly body: string
  readonly userCtx: UserContext
  readonly [field: string]: unknown
}

/**
 * Why a document is rejected. JavaScript throws this object, TypeScript returns it.
 *
 * @since 0.1.0
 * @category model
 */
export type Refusal = { readonly forbidden: string } | { readonly unauthorized: string }

/**
 * The response of an update function: a string, or an object such as `{ code: 202, json: { done: true } }`.
 *
 * @since 0.1.0
 * @category model
 */
export type Response = string | {
  readonly code?: number
  readonly headers?: { readonly [name: string]: string }
  readonly body?: string
  readonly base64?: string
  readonly json?: unknown
}

/**
 * The functions of one design document.
 *
 * - `filters`: for the changes feed
 * - `updates`: returns the document to store, or `null` to store nothing, and the response
 * - `validate`: replaces `validate_doc_update`. It returns why the document is rejected, or `undefined` to accept it
 *
 * @example
 * import type { DesignFunctions } from "effect-couchdb-embedded"
 *
 * const people: DesignFunctions.Design = {
 *   views: { byAge: { map: (doc, emit) => typeof doc.age === "number" ? emit(doc.age, null) : undefined } },
 *   validate: (doc) => doc.age === undefined ? { forbidden: "people have an age" } : undefined
 * }
 *
 * @since 0.1.0
 * @category model
 */
export interface Design {
  readonly views?: { readonly [name: string]: View }
  readonly filters?: { readonly [name: string]: (doc: Doc, request: Request) => boolean }
  readonly updates?: {
    readonly [name: string]: (doc: Doc | null, request: Request) => readonly [doc: object | null, response: Response]
  }
  readonly validate?: (
    doc: Doc,
    before: Doc | null,
    user: UserContext,
    security: { readonly [group: string]: unknown }
  ) => Refusal | undefined
}

/**
 * The functions of design documents, by the name of the document without `_design/`.
 *
 * @since 0.1.0
 * @category model
 */
export type DesignFunctions = { readonly [name: string]: Design }

/**
 * Runs the text of design functions. `effect-couchdb-embedded/JavaScript` has one for JavaScript.
 *
 * @since 0.1.0
 * @category model
 */
export interface Interpreter {
  /** Runs a command. Command and result are JSON in a format that is private to this package. */
  readonly run: (command: string) => string
}
