import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type * as Json from "../../data/Json.js"
import { nextSize } from "../../document/idRange.js"
import type { CouchHttp, CouchRequest } from "../../http/CouchHttp.js"
import { member, type Row } from "../../rows/row.js"
import * as Rows from "../../rows/stream.js"
import { exactMember } from "./definition.js"
import { sameKey } from "./keys.js"
import { bare, json, type Parameters, viewRequest } from "./request.js"
import type { Reading } from "./rows.js"

/** The query to scan, without the number of rows. */
export interface Scanned {
  readonly where: Pick<CouchRequest, "path" | "route" | "database">
  readonly isDesign: boolean
  readonly parameters: Parameters
  readonly reading: Pick<Reading<unknown, unknown>, "concerns" | "problem">
}

/** The key and document of a row. A document may emit the same key several times; all of these rows share an edge. */
interface Edge {
  readonly key: Json.Json
  readonly id: string
}

/**
 * Where reading resumes.
 *
 * - `edge`: the key and document to resume at, or `undefined` for the first row of the range
 * - `rowsBefore`: how many rows with this edge precede the position
 * - `isRead`: whether the last of these rows was already read; otherwise it is the next row
 * - `skip`: how many rows of the range precede the position. The request sends it if there is no edge
 */
export interface Position {
  readonly edge: Edge | undefined
  readonly rowsBefore: number
  readonly isRead: boolean
  readonly skip: number
}

export const startAt = (skip: number): Position => ({ edge: undefined, rowsBefore: 0, isRead: false, skip })

const idOf = (row: Row): string | undefined => {
  const id = member(row.json, "id")
  return typeof id === "string" ? id : undefined
}

const isAt = (row: Row, edge: Edge): boolean => idOf(row) === edge.id && sameKey(exactMember(row, "key"), edge.key)

const edgeOf = (row: Row): Edge | undefined => {
  const id = idOf(row)
  return id === undefined ? undefined : { key: exactMember(row, "key"), id }
}

/** The parameters that set the start and the size of a response. `sorted: false` would make it impossible to resume. */
const sizeParameters = new Set(["skip", "limit", "sorted"])
/** The parameters that an edge replaces. */
const startParameters = new Set(["startkey", "startkey_docid"])

const without = (parameters: Parameters, names: ReadonlySet<string>): Parameters =>
  parameters.filter(({ name }) => !names.has(name))

/** How many rows one request may read beyond those that are still wanted. */
const maxExtra = 1_000

/**
 * Reads the rows of a view until `wanted` rows of the collection are found, in as many requests as necessary. `next`
 * returns the next request, `take` accepts the rows of its response in any number of batches, and `end` marks the end
 * of the response.
 */
export class Scan {
  /** How many rows were read, and how many of them belong to the collection. */
  read = 0
  found = 0
  /** The position of the last wanted row, if it was found: the next page starts there. */
  last: Position | undefined
  private position: Position
  private skip: number
  private row: Row | undefined
  private rowsBefore: number
  /** Whether `rowsBefore` is exact. Skipped rows may include rows of the same edge. */
  private isExact: boolean
  private size = 0
  private readBefore = 0
  private foundBefore = 0
  private dropsFirst = false
  private hasStarted = false
  private hasEnded = false

  constructor(
    private readonly scanned: Scanned,
    start: Position,
    private readonly wanted: number,
    private readonly firstSize = 0
  ) {
    this.position = start
    this.skip = start.skip
    this.rowsBefore = start.rowsBefore
    this.isExact = start.edge !== undefined
  }

  /** The next request, or `undefined` if enough rows were found or there are no more. */
  next(): CouchRequest | undefined {
    const left = this.wanted - this.found
    if (this.hasEnded || (this.hasStarted && left <= 0)) return undefined
    this.hasStarted = true
    this.size = this.read === 0
      ? Math.max(left, this.firstSize)
      : nextSize(left, this.read, this.found, this.size, this.found - this.foundBefore, maxExtra)
    this.readBefore = this.read
    this.foundBefore = this.found
    const { rowsBefore, edge, isRead, skip } = this.position
    this.dropsFirst = isRead
    const { isDesign, parameters, where } = this.scanned
    const limit = json("limit", Number.isFinite(this.size) ? this.size + (isRead ? 1 : 0) : undefined)
    if (edge === undefined) {
      return viewRequest(where, [
        ...without(parameters, sizeParameters),
        ...json("skip", skip > 0 ? skip : undefined),
        ...limit
      ])
    }
    const isByKey = parameters.some(({ name }) => name === "key")
    const before = isRead ? rowsBefore - 1 : rowsBefore
    return viewRequest(where, [
      ...without(without(parameters, sizeParameters), startParameters),
      ...(isByKey ? [] : json("startkey", edge.key)),
      ...(isDesign ? bare("startkey_docid", edge.id) : []),
      ...json("skip", before > 0 ? before : undefined),
      ...limit
    ])
  }

  /** Whether the response may contain more rows than are wanted. */
  get isWide(): boolean {
    return this.size === Infinity || this.size > this.wanted - this.found
  }

  /** Returns those of the rows that belong to the collection, up to the number wanted. */
  take(rows: Iterable<Row>): Array<Row> {
    const { reading } = this.scanned
    const own: Array<Row> = []
    for (const row of rows) {
      if (this.found >= this.wanted) break
      if (this.dropsFirst) {
        this.dropsFirst = false
        // If the row that was read last no longer exists, this row is a new one.
        if (this.isSame(row)) continue
      }
      const isOwn = reading.problem(row) !== undefined || reading.concerns(row)
      this.advance(row, isOwn && this.found + 1 === this.wanted)
      if (!isOwn) continue
      this.found++
      own.push(row)
    }
    return own
  }

  /** Ends a response: determines whether there may be more rows, and where they start. */
  end(): void {
    this.hasEnded = this.read - this.readBefore < this.size
    this.position = this.after
  }

  /** The position after the row that was read last. */
  get after(): Position {
    const edge = this.isExact ? this.edge : undefined
    return edge === undefined
      ? startAt(this.skip)
      : { edge, rowsBefore: this.rowsBefore, isRead: this.rowsBefore > 0, skip: this.skip }
  }

  private get edge(): Edge | undefined {
    return this.row === undefined ? this.position.edge : edgeOf(this.row)
  }

  private isSame(row: Row): boolean {
    const id = this.row === undefined ? this.position.edge?.id : idOf(this.row)
    return id !== undefined && id === idOf(row) && isAt(row, this.edge as Edge)
  }

  private advance(row: Row, isLast: boolean): void {
    if (!this.isSame(row)) {
      this.rowsBefore = 0
      // The rows of a list of keys are not sorted by key, so only a row count identifies a position.
      this.isExact = !this.isByKeys && (this.row !== undefined || this.position.edge !== undefined || this.skip === 0)
    }
    this.row = row
    if (isLast) this.last = { ...this.after, isRead: false }
    this.rowsBefore++
    this.skip++
    this.read++
  }

  private get isByKeys(): boolean {
    return this.scanned.parameters.some(({ name }) => name === "keys")
  }
}

export interface Collected {
  readonly request: CouchRequest
  readonly rows: ReadonlyArray<Row>
  /** The other members of the first response. */
  readonly around: Json.JsonObject
}

/** Reads the rows of one response. If it may contain more rows than are wanted, only the wanted ones are kept. */
const collectOne = (
  scan: Scan,
  request: CouchRequest,
  out: Array<Row>
): Effect.Effect<Json.JsonObject, Rows.RowsError, CouchHttp> => {
  const keep = (rows: Iterable<Row>): void => {
    for (const row of scan.take(rows)) out.push(row)
  }
  return scan.isWide
    ? Effect.scoped(
      Effect.flatMap(Rows.open(request, "rows"), ({ around, rows }) =>
        Effect.zipRight(
          Stream.runForEachChunk(rows, (rows) => Effect.sync(() => keep(rows))),
          around
        ))
    )
    : Effect.map(Rows.collect(request, "rows"), ({ around, rows }) => {
      keep(rows)
      return around
    })
}

/** Collects all wanted rows. */
export const collect = (scan: Scan): Effect.Effect<Collected, Rows.RowsError, CouchHttp> =>
  Effect.gen(function*() {
    const rows: Array<Row> = []
    let request = scan.next() as CouchRequest
    const around = yield* collectOne(scan, request, rows)
    while (true) {
      scan.end()
      const next = scan.next()
      if (next === undefined) return { request, rows, around }
      request = next
      yield* collectOne(scan, request, rows)
    }
  })

/** Streams the wanted rows as they arrive. */
export const stream = (scan: Scan): Stream.Stream<Row, Rows.RowsError, CouchHttp> =>
  Stream.repeatEffectOption(
    Effect.suspend(() => {
      const request = scan.next()
      return request === undefined ? Effect.fail(Option.none()) : Effect.succeed(request)
    })
  ).pipe(
    Stream.flatMap((request) =>
      Stream.concat(
        Stream.mapChunks(Rows.stream(request, "rows"), (rows) => Chunk.unsafeFromArray(scan.take(rows))),
        Stream.execute(Effect.sync(() => scan.end()))
      )
    )
  )
