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

const documents = new Set(["include_docs", "conflicts", "attachments", "att_encoding_info", "update_seq"])

/** A query for rows that nobody will see. */
const bare = (parameters: Parameters): Parameters => parameters.filter(({ name }) => !documents.has(name))

const valueOf = (parameters: Parameters, name: string) => parameters.find((one) => one.name === name)?.value

/** How many design documents are in the range. */
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

/** Whether design documents come before this row, or are this row. */
const isBehindDesigns = (row: Row | undefined, descending: boolean): boolean => {
  const id = member(row?.json, "id")
  if (typeof id !== "string") return false
  return id.startsWith(designPrefix) || DocumentId.Order(id, designPrefix) === (descending ? -1 : 1)
}

/** What the server has to skip so that as many are documents: design documents are in the way, all of them or none. */
const skipPastDesigns = (prepared: Prepared<unknown, unknown>): Effect.Effect<number, Rows.RowsError, CouchHttp> =>
  Effect.gen(function*() {
    const { parameters, skip, where } = prepared
    const designs = yield* countDesigns(prepared)
    if (designs === 0) return skip
    const request = viewRequest(where, [
      ...bare(parameters).filter(({ name }) => name !== "limit"),
      ...json("limit", 1)
    ])
    const { rows: [row] } = yield* Rows.collect(request, "rows")
    return isBehindDesigns(row, valueOf(parameters, "descending") === true) ? skip + designs : skip
  })

/** Where the rows begin that are asked for: after as many rows of the collection as are skipped. */
export const startOf = (
  prepared: Prepared<unknown, unknown>
): Effect.Effect<Position, Rows.RowsError, CouchHttp> =>
  Effect.suspend((): Effect.Effect<Position, Rows.RowsError, CouchHttp> => {
    const { counting, parameters, skip } = prepared
    if (skip === 0 || counting === "server") return Effect.succeed(startAt(skip))
    if (counting === "server, with designs") return Effect.map(skipPastDesigns(prepared), startAt)
    const scan = new Scan({ ...scannedOf(prepared), parameters: bare(parameters) }, startAt(0), skip)
    return Effect.map(Stream.runDrain(stream(scan)), () => scan.after)
  })
