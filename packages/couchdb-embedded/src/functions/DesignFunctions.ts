/**
 * Functions of design documents, given as TypeScript.
 *
 * A design document holds its functions as JavaScript text, which the embedded CouchDB does not run unless it is told
 * to. A function given here stands in for the text at the same place: `people` → `views` → `byAge` stands in for
 * `views.byAge.map` of `_design/people`, in every database that holds such a document. The document decides what there
 * is, so a program that stores its design documents finds the same views on the embedded CouchDB as on a real one.
 *
 * @since 0.1.0
 */

/**
 * A document as design functions see it: plain JavaScript, with `_id` and `_rev`.
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
 * A view. A reduce function here stands in for text only: `_sum`, `_count`, `_stats` and their like are named by the
 * design document, and need no function.
 *
 * - `map`: must give the same rows for the same document; one that throws gives none
 * - `reduce`: is given `[key, id]` pairs and the values that were emitted, or what it returned before, with `null` for
 *   the keys and `rereduce` set
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
 * Who asks, as design functions are told.
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
 * The request, as design functions see it: `query`, `headers`, `body` and the rest of CouchDB's request object.
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
 * Why a document may not be stored. Where JavaScript throws this, TypeScript returns it.
 *
 * @since 0.1.0
 * @category model
 */
export type Refusal = { readonly forbidden: string } | { readonly unauthorized: string }

/**
 * What an update function answers: a text, or an object such as `{ code: 202, json: { done: true } }`.
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
 * - `updates`: returns the document to store, or `null` for none, and the answer
 * - `validate`: stands in for `validate_doc_update`; returns why the document may not be stored, or nothing
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
 * The functions of design documents by the name of the document, without `_design/`.
 *
 * @since 0.1.0
 * @category model
 */
export type DesignFunctions = { readonly [name: string]: Design }

/**
 * Runs the text of design functions. The one of `effect-couchdb-embedded/JavaScript` runs JavaScript.
 *
 * @since 0.1.0
 * @category model
 */
export interface Interpreter {
  /** Takes a command as JSON and answers in JSON; what they say belongs to this package alone. */
  readonly run: (command: string) => string
}
