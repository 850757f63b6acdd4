import type { DatabaseName } from "../../data/DatabaseName.js"
import * as Json from "../../data/Json.js"
import { documentPath } from "../../data/path.js"
import type { FromServer } from "../CouchHttp.js"
import { fromResponse } from "../responseError.js"
import type { BufferedResponse } from "../Transport.js"
import type { WireError } from "./errors.js"

/** The status of CouchDB's response if a single request fails with this `error`. */
const statusOf = (error: Json.Json | undefined): number =>
  error === "forbidden" ? 403 : error === "unauthorized" ? 401 : error === "bad_request" ? 400 : 500

/** The error of one document in a result of `_bulk_get`, or `undefined` if the document does not exist. */
export const rowFailure = (
  database: DatabaseName,
  id: string,
  problem: Json.Json,
  { headers, server }: Pick<BufferedResponse, "headers"> & FromServer
): WireError | undefined => {
  const error = Json.get(problem, "error")
  if (error === "not_found") return undefined
  return fromResponse(
    { method: "POST", path: `${documentPath(database)}/_bulk_get`, database, id },
    {
      status: statusOf(error),
      headers,
      server,
      body: JSON.stringify({ error: String(error), reason: String(Json.get(problem, "reason") ?? "no reason given") })
    }
  ) as WireError
}
