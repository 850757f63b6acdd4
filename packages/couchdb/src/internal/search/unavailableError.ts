import * as Data from "effect/Data"

export class SearchUnavailableError extends Data.TaggedError("SearchUnavailableError")<{
  readonly engine: "Nouveau" | "Clouseau"
  readonly database: string | undefined
  readonly reason: string
}> {
  override get message(): string {
    return `this server does not search with ${this.engine} (${this.reason}). ` +
      (this.engine === "Nouveau"
        ? "Run a Nouveau server, and enable it in the section [nouveau] of CouchDB's configuration."
        : "Run Clouseau, and connect it to each node of the cluster.")
  }
}
