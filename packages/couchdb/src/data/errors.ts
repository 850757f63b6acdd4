import * as Data from "effect/Data"
import { quote } from "./text.js"

/**
 * A name that no request can contain: `""`, `.`, `..`, a lone surrogate, or a name with a leading underscore that
 * CouchDB reserves. No request was sent.
 *
 * @since 0.1.0
 * @category local
 */
export class InvalidIdError extends /*#__PURE__*/ Data.TaggedError("InvalidIdError")<{
  readonly kind:
    | "database"
    | "document"
    | "local document"
    | "attachment"
    | "design document"
    | "view"
    | "function"
    | "index"
    | "partition"
    | "user"
    | "revision"
  readonly value: string
  readonly problem: string
}> {
  override get message(): string {
    return `${quote(this.value)} is not a valid ${nouns[this.kind]}: it ${this.problem}. No request was sent.`
  }
}

const nouns: { readonly [Kind in InvalidIdError["kind"]]: string } = {
  database: "database name",
  document: "document id",
  "local document": "local document id",
  attachment: "attachment name",
  "design document": "design document name",
  view: "view name",
  function: "function name",
  index: "index name",
  partition: "partition name",
  user: "user name",
  revision: "revision"
}
