import { ServerError } from "../CouchError.js"
import type { CouchRequest } from "../CouchHttp.js"

/** An answer that is not what a CouchDB says at this place. */
export const notCouch = (
  request: Pick<CouchRequest, "method" | "path" | "database" | "id">,
  status: number,
  reason: string
): ServerError =>
  new ServerError({
    method: request.method,
    path: request.path,
    status,
    error: "unknown",
    reason,
    ...(request.database !== undefined && { database: request.database }),
    ...(request.id !== undefined && { id: request.id })
  })
