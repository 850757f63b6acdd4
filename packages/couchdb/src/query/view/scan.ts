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

/** What is read: a view, with all that is asked of it but how many rows. */
export interface Scanned {
  readonly where: Pick<CouchRequest, "path" | "route" | "database">
  readonly isDesign: boolean
  readonly parameters: Parameters
  readonly reading: Pick<Reading<unknown, unknown>, "concerns" | "problem">
}

/** The row of a document under a key. A document may emit one key several times, and all of these rows have one edge. */
interface Edge {
  readonly key: Json.Json
  readonly id: string
}

/**
 * Where reading resumes.
 *
 * - `edge`: at the rows of this edge, `passed` of which came before, or, if there is none, at the first row of the range
 * - `isRead`: whether the last of these rows was read already; otherwise it is the next
 * - `skip`: how many rows of the range came before. It is what a request says if there is no edge
 */
export interface Position {
  readonly edge: Edge | undefined
  readonly passed: number
  readonly isRead: boolean
  readonly skip: number
}

export const startAt = (skip: number): Position => ({ edge: undefined, passed: 0, isRead: false, skip })

const idOf = (row: Row): string | undefined => {
  const id = member(row.json, "id")
  return typeof id === "string" ? id : undefined
}

const isAt = (row: Row, edge: Edge): boolean => idOf(row) === edge.id && sameKey(exactMember(row, "key"), edge.key)

const edgeOf = (row: Row): Edge | undefined => {
  const id = idOf(row)
  return id === undefined ? undefined : { key: exactMember(row, "key"), id }
}

/** What says where an answer begins, and how long it is. `sorted: false` would leave no order to resume in. */
const counted = new Set(["skip", "limit", "sorted"])
/** What an edge replaces. */
const started = new Set(["startkey", "startkey_docid"])

const without = (parameters: Parameters, names: ReadonlySet<string>): Parameters =>
  parameters.filter(({ name }) => !names.has(name))

/** The most rows that a request asks for beyond those that are wanted. */
const most = 1_000

/**
 * Reads the rows of a view until `wanted` of them are the collection's, in as many requests as it takes. `next` gives the
 * next of them, `take` gets the rows of its answer, in any number of parts, and `end` says that these were all.
 */
export class Scan {
  /** How many rows were read, and how many of these are the collection's. */
  read = 0
  found = 0
  /** Where the last row begins, if that many were found: the page after it begins there. */
  last: Position | undefined
  private position: Position
  private skip: number
  private row: Row | undefined
  private passed: number
  /** Whether `passed` is right: rows of the same edge may be among those that were skipped. */
  private isSure: boolean
  private size = 0
  private readBefore = 0
  private foundBefore = 0
  private drops = false
  private isBegun = false
  private isOver = false

  constructor(
    private readonly scanned: Scanned,
    start: Position,
    private readonly wanted: number,
    private readonly firstSize = 0
  ) {
    this.position = start
    this.skip = start.skip
    this.passed = start.passed
    this.isSure = start.edge !== undefined
  }

  /** The next request, or `undefined` if enough was found or there is no more. */
  next(): CouchRequest | undefined {
    const left = this.wanted - this.found
    if (this.isOver || (this.isBegun && left <= 0)) return undefined
    this.isBegun = true
    this.size = this.read === 0
      ? Math.max(left, this.firstSize)
      : nextSize(left, this.read, this.found, this.size, this.found - this.foundBefore, most)
    this.readBefore = this.read
    this.foundBefore = this.found
    const { passed, edge, isRead, skip } = this.position
    this.drops = isRead
    const { isDesign, parameters, where } = this.scanned
    const limit = json("limit", Number.isFinite(this.size) ? this.size + (isRead ? 1 : 0) : undefined)
    if (edge === undefined) {
      return viewRequest(where, [
        ...without(parameters, counted),
        ...json("skip", skip > 0 ? skip : undefined),
        ...limit
      ])
    }
    const isByKey = parameters.some(({ name }) => name === "key")
    const before = isRead ? passed - 1 : passed
    return viewRequest(where, [
      ...without(without(parameters, counted), started),
      ...(isByKey ? [] : json("startkey", edge.key)),
      ...(isDesign ? bare("startkey_docid", edge.id) : []),
      ...json("skip", before > 0 ? before : undefined),
      ...limit
    ])
  }

  /** Whether the answer may have many more rows than are wanted. */
  get isWide(): boolean {
    return this.size === Infinity || this.size > this.wanted - this.found
  }

  /** The rows among these that are the collection's, as far as they are wanted. */
  take(rows: Iterable<Row>): Array<Row> {
    const { reading } = this.scanned
    const own: Array<Row> = []
    for (const row of rows) {
      if (this.found >= this.wanted) break
      if (this.drops) {
        this.drops = false
        // The row that was read last may be gone: then this one is new.
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

  /** The answer is at its end: whether there can be more rows, and where they begin. */
  end(): void {
    this.isOver = this.read - this.readBefore < this.size
    this.position = this.after
  }

  /** Where reading resumes after the row that was read last. */
  get after(): Position {
    const edge = this.isSure ? this.edge : undefined
    return edge === undefined
      ? startAt(this.skip)
      : { edge, passed: this.passed, isRead: this.passed > 0, skip: this.skip }
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
      this.passed = 0
      // Lists of keys have an order of their own, in which only a count is a place.
      this.isSure = !this.isByKeys && (this.row !== undefined || this.position.edge !== undefined || this.skip === 0)
    }
    this.row = row
    if (isLast) this.last = { ...this.after, isRead: false }
    this.passed++
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
  /** What surrounds the first rows. */
  readonly around: Json.JsonObject
}

/** The rows of one answer. Of an answer with many more rows than are wanted, only those that are wanted are kept. */
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

/** All rows that are wanted. */
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

/** The rows that are wanted, as they arrive. */
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
