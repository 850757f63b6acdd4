import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as DocumentId from "../../data/DocumentId.js"
import { designPrefix } from "../../document/idRange.js"
import type { CouchHttp } from "../../http/CouchHttp.js"
import { member, type Row } from "../../rows/row.js"
import * as Rows from "../../rows/stream.js"
import type { Prepared } from "./query.js"
import { prefixInIds } from "./ranges.js"
import { json, type Parameters, viewRequest } from "./request.js"
import { type Position, Scan, type Scanned, startAt, stream } from "./scan.js"

export const scannedOf = ({ parameters, place, reading, where }: Prepared<unknown, unknown>): Scanned => ({
  where,
  isDesign: place._tag === "Design",
  parameters,
  reading
})

const documentParameters = new Set(["include_docs", "conflicts", "attachments", "att_encoding_info", "update_seq"])

/** The parameters of a query that is only used to count or to find rows. */
const withoutDocuments = (parameters: Parameters): Parameters =>
  parameters.filter(({ name }) => !documentParameters.has(name))

const valueOf = (parameters: Parameters, name: string) => parameters.find((one) => one.name === name)?.value

/** The number of design documents in the range. */
const countDesigns = (
  { parameters, where }: Prepared<unknown, unknown>
): Effect.Effect<number, Rows.RowsError, CouchHttp> => {
  const descending = valueOf(parameters, "descending") === true
  const range = prefixInIds(
    designPrefix,
    {
      start: valueOf(parameters, "startkey"),
      end: valueOf(parameters, "endkey"),
      inclusiveEnd: valueOf(parameters, "inclusive_end") !== false
    },
    descending
  )
  const request = viewRequest(where, [
    ...json("startkey", range.start),
    ...json("endkey", range.end),
    ...json("inclusive_end", range.inclusiveEnd),
    ...json("descending", descending ? true : undefined)
  ])
  return Effect.map(Rows.collect(request, "rows"), ({ rows }) => rows.length)
}

/** Whether this row is a design document, or design documents precede it. */
const isAfterDesigns = (row: Row | undefined, descending: boolean): boolean => {
  const id = member(row?.json, "id")
  if (typeof id !== "string") return false
  return id.startsWith(designPrefix) || DocumentId.Order(id, designPrefix) === (descending ? -1 : 1)
}

/**
 * The number of rows that the server must skip to skip `skip` documents. The design documents in the range are
 * contiguous, so either all or none of them are skipped.
 */
const skipPastDesigns = (prepared: Prepared<unknown, unknown>): Effect.Effect<number, Rows.RowsError, CouchHttp> =>
  Effect.gen(function*() {
    const { parameters, skip, where } = prepared
    const designs = yield* countDesigns(prepared)
    if (designs === 0) return skip
    const request = viewRequest(where, [
      ...withoutDocuments(parameters).filter(({ name }) => name !== "limit"),
      ...json("limit", 1)
    ])
    const { rows: [row] } = yield* Rows.collect(request, "rows")
    return isAfterDesigns(row, valueOf(parameters, "descending") === true) ? skip + designs : skip
  })

/** The position of the first requested row: after `skip` rows of the collection. */
export const startOf = (
  prepared: Prepared<unknown, unknown>
): Effect.Effect<Position, Rows.RowsError, CouchHttp> =>
  Effect.suspend((): Effect.Effect<Position, Rows.RowsError, CouchHttp> => {
    const { counting, parameters, skip } = prepared
    if (skip === 0 || counting === "server") return Effect.succeed(startAt(skip))
    if (counting === "server, with designs") return Effect.map(skipPastDesigns(prepared), startAt)
    const scan = new Scan({ ...scannedOf(prepared), parameters: withoutDocuments(parameters) }, startAt(0), skip)
    return Effect.map(Stream.runDrain(stream(scan)), () => scan.after)
  })
