import * as Json from "../data/Json.js"
import { comma, concatBytes, decodeUtf8, newline, opening, parseJson, whitespace } from "../data/text.js"
import { firstInexactByte } from "./precisionScan.js"
import { looksLikeError, plainRow, type Row, textRow } from "./row.js"
import { Scanner } from "./scanner.js"

/**
 * The end of a response.
 *
 * - `Whole`: complete; `around` is its text without the rows, such as `{"total_rows":3,"rows":[]}`
 * - `Refused`: the server reported an error after the rows, or instead of them
 * - `Cut`: the response ends before its closing bracket
 * - `Unexpected`: the response is complete, but not of the expected form
 */
export type End =
  | { readonly _tag: "Whole"; readonly around: string }
  | { readonly _tag: "Refused"; readonly error: unknown }
  | { readonly _tag: "Cut" }
  | { readonly _tag: "Unexpected"; readonly problem: string }

type State = "around" | "between" | "line" | "element" | "stray"

/** A longer line is scanned as it arrives, so that a response in a single line is not buffered until its end. */
const maxLineBytes = 1 << 20

/** V8's JSON parser allocates larger values in the old generation, but a stream soon discards its rows. */
const maxBlockBytes = 1 << 16

/** The position after the last line break of a block, or of its first line if that is longer than a block. */
const border = (chunk: Uint8Array, at: number, last: number): number => {
  const end = chunk.lastIndexOf(newline, at + maxBlockBytes)
  return end > at ? end + 1 : Math.min(last, chunk.indexOf(newline, at + maxBlockBytes) + 1)
}

/** After this number of lines that are not one row each, the reader stops parsing line by line. */
const maxMisses = 3

/** The maximum number of bytes that are kept of unexpected text: enough for an error. */
const maxUnexpectedBytes = 1 << 16

/**
 * Takes the bytes of a response in chunks of any size, and returns the elements of one array in its outermost object.
 * If no array is named, it returns a sequence of consecutive values.
 *
 * CouchDB writes one row to a line, so a line that parses is a row: a JSON string cannot contain a raw line break, and
 * no byte of a multi-byte UTF-8 character is a line break. Lines that `JSON.parse` reads without loss are parsed
 * together. Any other layout is scanned byte by byte.
 */
export class RowReader {
  private state: State
  private readonly around: Scanner
  private readonly element = new Scanner()
  private pieces: Array<Uint8Array> = []
  private size = 0
  private lines: boolean
  private misses = 0
  /** The next element is scanned because it continues past its line. */
  private scanNext = false
  private separated = true
  private count = 0
  /** A row that may be an error. It is an ordinary row if something follows it. */
  private held: Row | undefined
  private unexpected: Array<Uint8Array> = []
  private unexpectedSize = 0

  /** `plain` rows keep no text and are not checked for lost precision. */
  constructor(private readonly array: string | undefined, private readonly plain = false) {
    this.state = array === undefined ? "between" : "around"
    this.lines = array === undefined
    this.around = new Scanner(array)
  }

  private get sequence(): boolean {
    return this.array === undefined
  }

  /** Reads one chunk, and appends the rows that it completes. */
  push(chunk: Uint8Array, out: Array<Row>): void {
    let at = 0
    while (at < chunk.length) {
      switch (this.state) {
        case "around":
          at = this.readAround(chunk, at)
          break
        case "between":
          at = this.readBetween(chunk, at, out)
          break
        case "line":
          at = this.pieces.length === 0 ? this.readLines(chunk, at, out) : this.finishLine(chunk, at, out)
          break
        case "element":
          at = this.readElement(chunk, at, out)
          break
        case "stray":
          at = this.keep(chunk, at)
          break
      }
    }
  }

  /** Ends the body. */
  end(out: Array<Row>): End {
    if (this.state === "line") {
      // The last line has no line break, and may contain more than one row.
      const begun = concatBytes(this.pieces)
      this.clearPieces()
      this.state = "between"
      this.lines = false
      this.push(begun, out)
    }
    if (this.state === "stray") {
      const error = errorAtEnd(decodeUtf8(concatBytes(this.unexpected))) ?? this.held?.json
      return error === undefined
        ? { _tag: "Unexpected", problem: "the response contains unexpected text outside its rows" }
        : { _tag: "Refused", error }
    }
    const left = decodeUtf8(concatBytes(this.pieces)).trim()
    if (left !== "") {
      const json = parseJson(left)
      if (json === undefined) return cut(left)
      this.take(this.rowIn(left, json), false, out)
    }
    if (this.held !== undefined) return { _tag: "Refused", error: this.held.json }
    if (this.sequence) return { _tag: "Whole", around: "{}" }
    const around = decodeUtf8(this.around.bytes())
    return this.state === "around" && this.around.closed ? whole(around, this.around.found) : cut(around)
  }

  private readAround(chunk: Uint8Array, at: number): number {
    const next = this.around.closed ? at : this.around.scan(chunk, at)
    if (this.around.inside) {
      this.around.inside = false
      this.state = "between"
      this.lines = false
    } else if (this.around.closed) {
      for (let i = next; i < chunk.length; i++) {
        if (whitespace[chunk[i] as number] === undefined) {
          this.state = "stray"
          return i
        }
      }
      return chunk.length
    } else if (this.around.refused) {
      this.state = "stray"
    }
    return next
  }

  private readBetween(chunk: Uint8Array, start: number, out: Array<Row>): number {
    let at = start
    while (at < chunk.length && whitespace[chunk[at] as number] === 1) {
      // A line break directly after the bracket is CouchDB's layout.
      if (chunk[at] === newline && this.count === 0 && this.misses === 0) this.lines = true
      at++
    }
    if (at === chunk.length) return at
    const byte = chunk[at]
    if (!this.sequence && byte === comma && this.count > 0 && !this.separated) {
      this.separated = true
      this.release(out)
      return at + 1
    }
    if (!this.sequence && byte === 93 && (this.count === 0 || !this.separated)) {
      this.release(out)
      this.state = "around"
      return at
    }
    if (byte === comma || byte === 93 || (!this.sequence && this.count > 0 && !this.separated)) this.state = "stray"
    else {
      this.state = this.lines && !this.scanNext ? "line" : "element"
      this.scanNext = false
    }
    return at
  }

  /**
   * Reads all complete lines of the chunk. Lines that `JSON.parse` reads without loss are decoded and parsed together.
   */
  private readLines(chunk: Uint8Array, start: number, out: Array<Row>): number {
    const last = chunk.lastIndexOf(newline)
    if (last < start) {
      this.carry(chunk.subarray(start))
      return chunk.length
    }
    this.state = "between"
    let at = start
    let inBlocks = true
    while (at < last) {
      const end = last - at <= maxBlockBytes ? last : border(chunk, at, last)
      const inexact = inBlocks ? this.plain ? end : firstInexactByte(chunk, at, end) : at
      const clean = inexact === end ? end : inBlocks ? Math.max(at, chunk.lastIndexOf(newline, inexact) + 1) : at
      if (clean > at) {
        if (this.takeBlock(decodeUtf8(chunk.subarray(at, clean)), out)) at = clean
        else inBlocks = false
        continue
      }
      // This line is parsed alone, so that its row can keep its text.
      const found = chunk.indexOf(newline, at)
      const line = decodeUtf8(chunk.subarray(at, found))
      if (!this.takeLine(line, out)) return at
      at = found + 1
    }
    return last + 1
  }

  /** Reads the rest of a line that began in an earlier chunk. */
  private finishLine(chunk: Uint8Array, at: number, out: Array<Row>): number {
    const end = chunk.indexOf(newline, at)
    if (end === -1 && this.size < maxLineBytes) {
      this.carry(chunk.subarray(at))
      return chunk.length
    }
    const begun = this.pieces
    this.clearPieces()
    this.state = "between"
    if (end !== -1) {
      if (this.takeLine(decodeUtf8(concatBytes([...begun, chunk.subarray(at, end)])), out)) return end + 1
    } else this.lines = false
    this.push(concatBytes(begun), out)
    return at
  }

  /** Appends the lines if they contain only rows. Returns whether it did. */
  private takeBlock(lines: string, out: Array<Row>): boolean {
    const [start, end] = trimmed(lines)
    if (start === end) return true
    const separated = lines.charCodeAt(end - 1) === comma
    if (this.sequence ? separated : !this.separated) return false
    if (!this.plain && (lines.includes("\\u") || lines.includes("oto__\""))) return false
    const inner = lines.slice(start, separated ? end - 1 : end)
    const rows = this.sequence ? parseLines(inner) : parseJson(`[${inner}]`)
    if (!Array.isArray(rows) || rows.length === 0) return false
    this.release(out)
    const last = rows.length - 1
    for (let i = 0; i < last; i++) out.push(plainRow(rows[i]))
    this.count += last
    this.misses = 0
    this.take(plainRow(rows[last]), separated, out)
    return true
  }

  /** Appends the line if it is one row, or skips it if it is blank. Returns whether it did. */
  private takeLine(line: string, out: Array<Row>): boolean {
    const [start, end] = trimmed(line)
    if (start === end) return true
    const separated = line.charCodeAt(end - 1) === comma
    const first = line.charCodeAt(start)
    if (first === 93 || first === comma || !(this.sequence || this.separated)) return false
    const text = line.slice(start, separated ? end - 1 : end)
    const json = this.sequence && separated ? undefined : parseJson(text)
    if (json === undefined) {
      this.scanNext = true
      if (++this.misses >= maxMisses) this.lines = false
      return false
    }
    this.misses = 0
    this.take(this.rowIn(text, json), separated, out)
    return true
  }

  private readElement(chunk: Uint8Array, at: number, out: Array<Row>): number {
    const next = this.element.scan(chunk, at)
    if (!this.element.closed) {
      this.carry(chunk.subarray(at))
      return chunk.length
    }
    const bytes = concatBytes([...this.pieces, chunk.subarray(at, next)])
    this.clearPieces()
    this.element.reset()
    const text = decodeUtf8(bytes)
    const json = parseJson(text)
    if (json === undefined) {
      this.state = "stray"
      this.keep(bytes, 0)
      return next
    }
    this.state = "between"
    this.take(this.rowIn(text, json), false, out)
    return next
  }

  /** A row that keeps its text only if `JSON.parse` may have lost information. */
  private rowIn(text: string, json: unknown): Row {
    return !this.plain && Json.mayBeInexact(text) ? textRow(text, json) : plainRow(json)
  }

  private take(row: Row, separated: boolean, out: Array<Row>): void {
    this.release(out)
    this.count++
    this.separated = separated
    if (!separated && looksLikeError(row.json)) this.held = row
    else out.push(row)
  }

  private release(out: Array<Row>): void {
    if (this.held !== undefined) out.push(this.held)
    this.held = undefined
  }

  private carry(bytes: Uint8Array): void {
    this.pieces.push(bytes)
    this.size += bytes.length
  }

  private clearPieces(): void {
    this.pieces = []
    this.size = 0
  }

  private keep(chunk: Uint8Array, at: number): number {
    if (this.unexpectedSize < maxUnexpectedBytes) {
      const bytes = chunk.subarray(at, at + maxUnexpectedBytes - this.unexpectedSize)
      this.unexpected.push(bytes)
      this.unexpectedSize += bytes.length
    }
    return chunk.length
  }
}

/** The start and end of the text without surrounding whitespace. */
const trimmed = (text: string): readonly [start: number, end: number] => {
  let start = 0
  let end = text.length
  while (end > start && whitespace[text.charCodeAt(end - 1)] === 1) end--
  while (start < end && whitespace[text.charCodeAt(start)] === 1) start++
  return [start, end]
}

/** Parses objects on separate lines. Returns `undefined` if the lines are not single objects. */
const parseLines = (text: string): unknown => {
  let lines = 1
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) {
    const end = text.charCodeAt(at - 1) === 13 ? at - 2 : at - 1
    if (text.charCodeAt(end) !== 125 || text.charCodeAt(at + 1) !== 123) return undefined
    lines++
  }
  const rows = lines === 1 ? parseJson(`[${text}]`) : parseJson(`[${text.replaceAll("\n", ",")}]`)
  return Array.isArray(rows) && rows.length === lines ? rows : undefined
}

const whole = (around: string, found: boolean): End => {
  const json = parseJson(around)
  if (found && json !== undefined) return { _tag: "Whole", around }
  return looksLikeError(json)
    ? { _tag: "Refused", error: json }
    : { _tag: "Unexpected", problem: found ? "the text around the rows is not JSON" : "the response has no rows" }
}

/** A truncated response, or the error at its end. */
const cut = (text: string): End => {
  const error = errorAtEnd(text)
  return error === undefined ? { _tag: "Cut" } : { _tag: "Refused", error }
}

/** The error that is the whole text, or its last line. */
const errorAtEnd = (text: string): unknown => {
  const trimmed = text.trim()
  const candidates = [trimmed, trimmed.slice(trimmed.lastIndexOf("\n") + 1)]
  return candidates.map((candidate) => candidate.startsWith(opening) ? parseJson(candidate) : undefined)
    .find(looksLikeError)
}
