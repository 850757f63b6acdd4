/**
 * Document ids, and their paths.
 *
 * @since 0.1.0
 */
import type * as Brand from "effect/Brand"
import * as Either from "effect/Either"
import * as Order_ from "effect/Order"
import * as Schema_ from "effect/Schema"
import { InvalidIdError } from "./errors.js"
import { designPrefix, documentIdPath, segmentProblem } from "./path.js"

/**
 * A valid document id: any text that CouchDB accepts, including `_design/name`. Invalid are `""`, `.`, `..`, other
 * names that begin with an underscore, and text with half of a surrogate pair.
 *
 * @since 0.1.0
 * @category model
 */
export type DocumentId = string & Brand.Brand<"effect-couchdb/DocumentId">

const underscore = 95

const problemOf = (id: string): string | undefined => {
  if (id.charCodeAt(0) !== underscore) return segmentProblem(id)
  if (id.startsWith(designPrefix)) {
    const problem = segmentProblem(id.slice(designPrefix.length))
    return problem === undefined ? undefined : `has a design document name that ${problem}`
  }
  if (id.startsWith("_local/")) return "is the id of a local document, which LocalDocument reads and writes"
  return "begins with an underscore, which CouchDB reserves"
}

/**
 * Whether the text is a valid document id.
 *
 * @since 0.1.0
 * @category guards
 */
export const isDocumentId = (id: string): id is DocumentId => problemOf(id) === undefined

/**
 * Makes an id from a literal. Throws an `InvalidIdError` if the id is invalid. Use {@link decode} for text from
 * outside.
 *
 * @example
 * import { DocumentId } from "effect-couchdb"
 *
 * const id = DocumentId.make("a/b?c#d")
 * console.log(DocumentId.toPath(id)) // a%2Fb%3Fc%23d
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (id: string): DocumentId => Either.getOrThrowWith(decode(id), (error) => error)

/**
 * Validates an id from outside.
 *
 * @example
 * import { DocumentId } from "effect-couchdb"
 * import { Either } from "effect"
 *
 * console.log(Either.isLeft(DocumentId.decode("_mine"))) // true: CouchDB reserves the underscore
 *
 * @since 0.1.0
 * @category constructors
 */
export const decode = (id: string): Either.Either<DocumentId, InvalidIdError> => {
  const problem = problemOf(id)
  return problem === undefined
    ? Either.right(id as DocumentId)
    : Either.left(new InvalidIdError({ kind: "document", value: id, problem }))
}

/**
 * The schema of a document id.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Schema: Schema_.Schema<DocumentId, string> = Schema_.String.pipe(
  Schema_.filter((id): id is DocumentId => isDocumentId(id), { message: () => "the id of a document" })
)

/**
 * Encodes the id as a path below its database. Every slash is escaped except the one after `_design`.
 *
 * @example
 * import { DocumentId } from "effect-couchdb"
 *
 * console.log(DocumentId.toPath(DocumentId.make("_design/a b"))) // _design/a%20b
 *
 * @since 0.1.0
 * @category encoding
 */
export const toPath: (id: DocumentId) => string = documentIdPath

/**
 * The order of `_all_docs`: by the bytes of the UTF-8 text.
 *
 * @example
 * import { Array } from "effect"
 * import { DocumentId } from "effect-couchdb"
 *
 * const sorted = Array.sort(["ü", "🛋", "a"], DocumentId.Order)
 *
 * @since 0.1.0
 * @category ordering
 */
export const Order: Order_.Order<string> = Order_.make((self, that) => {
  const left = Array.from(self, codePoint)
  const right = Array.from(that, codePoint)
  for (let i = 0; i < left.length && i < right.length; i++) {
    const difference = (left[i] as number) - (right[i] as number)
    if (difference !== 0) return difference < 0 ? -1 : 1
  }
  return left.length === right.length ? 0 : left.length < right.length ? -1 : 1
})

const codePoint = (character: string): number => character.codePointAt(0) as number
