import * as Data from "effect/Data"
import { withoutPeriod } from "../../http/errorMessage.js"

/**
 * The search service of the server is not running or not enabled.
 *
 * @since 0.1.0
 * @category search
 */
export class SearchUnavailableError extends /*#__PURE__*/ Data.TaggedError("SearchUnavailableError")<{
  readonly server?: string | undefined
  readonly engine: "Nouveau" | "Clouseau"
  readonly database: string | undefined
  readonly reason: string
}> {
  override get message(): string {
    return `the server${this.server === undefined ? "" : ` ${this.server}`} has no search with ${this.engine} (${
      withoutPeriod(this.reason)
    }). ` + (this.engine === "Nouveau"
      ? "Run a Nouveau server, and enable it in the section [nouveau] of CouchDB's configuration."
      : "Run Clouseau, and connect it to each node of the cluster.")
  }
}
