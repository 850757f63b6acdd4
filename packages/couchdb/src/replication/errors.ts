import * as Data from "effect/Data"
import { quote } from "../data/text.js"
import { atServer } from "../http/errorMessage.js"

/**
 * A replication by the server failed permanently. `reason` comes from the server, without credentials.
 *
 * @since 0.1.0
 * @category replication
 */
export class ReplicationFailedError extends /*#__PURE__*/ Data.TaggedError("ReplicationFailedError")<{
  readonly server?: string | undefined
  readonly id: string
  readonly reason: string
}> {
  override get message(): string {
    return `the replication ${quote(this.id)}${atServer(this)} failed: ${this.reason}. ` +
      "Fix what the reason names, then delete the replication and define it again (Replication.remove," +
      " Replication.define)."
  }
}
