import * as Data from "effect/Data"
import { quote } from "../data/text.js"
import { placeOf } from "../http/errorMessage.js"

/**
 * The bytes of an attachment have another digest or length than expected. After a download, discard the received bytes. After
 * an upload, the document has a revision with the wrong bytes.
 *
 * @since 0.1.0
 * @category bodies
 */
export class IntegrityError extends /*#__PURE__*/ Data.TaggedError("IntegrityError")<{
  readonly server?: string | undefined
  readonly operation: "download" | "upload"
  readonly database: string
  readonly id: string
  readonly name: string
  readonly problem: string
}> {
  override get message(): string {
    return `the ${this.operation} of ${quote(this.name)} of ${placeOf(this)} is damaged: ${this.problem}. ` +
      (this.operation === "download" ? "Read it again." : "Write it again.")
  }
}
