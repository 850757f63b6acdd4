import * as Json from "../data/Json.js"
import { comma, concatBytes, decodeUtf8, newline, opening, parseJson, whitespace } from "../data/text.js"
import { firstDoubt } from "./precisionScan.js"
import { looksLikeError, plainRow, type Row, textRow } from "./row.js"
import { Scanner } from "./scanner.js"

/**
 * How an answer ended.
 *
 * - `Whole`: `around` is its text without the rows, such as `{"total_rows":3,"rows":[]}`
 * - `Refused`: the server said an error behind the rows, or in their place
 * - `Cut`: it ends before its closing bracket
 * - `Strange`: it is whole, and not what was expected
 */
export type End =
  | { readonly _tag: "Whole"; readonly around: string }
  | { readonly _tag: "Refused"; readonly error: unknown }
  | { readonly _tag: "Cut" }
  | { readonly _tag: "Strange"; readonly problem: string }

type State = "around" | "between" | "line" | "element" | "stray"

/** A longer line is scanned as it comes, so that an answer in one line is not kept until its end. */
const longestLine = 1 << 20

/** What is larger, V8's parser of JSON puts among the old objects, and a stream soon needs no row of it. */
const largestBlock = 1 << 16

/** Behind the last line break of a block, or of its first line where that is longer. */
const border = (chunk: Uint8Array, at: number, last: number): number => {
  const end = chunk.lastIndexOf(newline, at + largestBlock)
  return end > at ? end + 1 : Math.min(last, chunk.indexOf(newline, at + largestBlock) + 1)
}

/** So many lines that are not one row each, and the layout is taken for another. */
const patience = 3

/** As much as is kept of what does not belong here: enough for an error. */
const longestStray = 1 << 16

/**
 * Takes the bytes of an answer in pieces of any size, and gives the elements of one array in its outermost object, or,
 * where no array is named, a sequence of values one after the other.
 *
 * CouchDB writes one row a line, so a line that parses is a row: no line break can stand inside a JSON string, and none
 * of the bytes of a longer UTF-8 character is a line break. Lines in which `JSON.parse` loses nothing are parsed together.
 * What is laid out otherwise is scanned byte by byte.
 */
export class RowReader {
  private state: State
  private readonly around: Scanner
  private readonly element = new Scanner()
  private pieces: Array<Uint8Array> = []
  private size = 0
  private lines: boolean
  private misses = 0
  /** The element that comes is scanned, since its line is not all of it. */
  private scanNext = false
  private separated = true
  private count = 0
  /** A row that may be an error: known when something follows it. */
  private held: Row | undefined
  private stray: Array<Uint8Array> = []
  private straySize = 0

  /** `plain` rows keep no text: where nobody asks for more than `JSON.parse` gives, nothing is looked for. */
  constructor(private readonly array: string | undefined, private readonly plain = false) {
    this.state = array === undefined ? "between" : "around"
    this.lines = array === undefined
    this.around = new Scanner(array)
  }

  private get sequence(): boolean {
    return this.array === undefined
  }

  /** Reads one piece, and appends the rows that it completes. */
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

  /** The body is over. */
  end(out: Array<Row>): End {
    if (this.state === "line") {
      // A line that no line break ends: it may hold more than a row.
      const begun = concatBytes(this.pieces)
      this.forget()
      this.state = "between"
      this.lines = false
      this.push(begun, out)
    }
    if (this.state === "stray") {
      const error = lastWords(decodeUtf8(concatBytes(this.stray))) ?? this.held?.json
      return error === undefined
        ? { _tag: "Strange", problem: "something stands where no row can" }
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
      // A line break right behind the bracket is CouchDB's layout.
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

  /** All whole lines of the piece: many rows with one decoding and one parse, where nothing is lost by that. */
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
      const end = last - at <= largestBlock ? last : border(chunk, at, last)
      const doubt = inBlocks ? this.plain ? end : firstDoubt(chunk, at, end) : at
      const clean = doubt === end ? end : inBlocks ? Math.max(at, chunk.lastIndexOf(newline, doubt) + 1) : at
      if (clean > at) {
        if (this.takeBlock(decodeUtf8(chunk.subarray(at, clean)), out)) at = clean
        else inBlocks = false
        continue
      }
      // A line of its own, whose row may keep its text.
      const found = chunk.indexOf(newline, at)
      const line = decodeUtf8(chunk.subarray(at, found))
      if (!this.takeLine(line, out)) return at
      at = found + 1
    }
    return last + 1
  }

  /** The rest of a line that began in an earlier piece. */
  private finishLine(chunk: Uint8Array, at: number, out: Array<Row>): number {
    const end = chunk.indexOf(newline, at)
    if (end === -1 && this.size < longestLine) {
      this.carry(chunk.subarray(at))
      return chunk.length
    }
    const begun = this.pieces
    this.forget()
    this.state = "between"
    if (end !== -1) {
      if (this.takeLine(decodeUtf8(concatBytes([...begun, chunk.subarray(at, end)])), out)) return end + 1
    } else this.lines = false
    this.push(concatBytes(begun), out)
    return at
  }

  /** Whether the lines are rows and nothing else, which are then taken. */
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

  /** Whether the line is blank or one row, which is then taken. */
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
      if (++this.misses >= patience) this.lines = false
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
    this.forget()
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

  /** A row that keeps its text only where it says more than `JSON.parse` made of it. */
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

  private forget(): void {
    this.pieces = []
    this.size = 0
  }

  private keep(chunk: Uint8Array, at: number): number {
    if (this.straySize < longestStray) {
      const bytes = chunk.subarray(at, at + longestStray - this.straySize)
      this.stray.push(bytes)
      this.straySize += bytes.length
    }
    return chunk.length
  }
}

/** Where the text begins and ends without the white space around it. */
const trimmed = (text: string): readonly [start: number, end: number] => {
  let start = 0
  let end = text.length
  while (end > start && whitespace[text.charCodeAt(end - 1)] === 1) end--
  while (start < end && whitespace[text.charCodeAt(start)] === 1) start++
  return [start, end]
}

/** Objects, each on a line of its own, or `undefined` where they are not. */
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
    : { _tag: "Strange", problem: found ? "what surrounds the rows is not JSON" : "the answer has no rows" }
}

/** What ends too early, unless its last words say why. */
const cut = (text: string): End => {
  const error = lastWords(text)
  return error === undefined ? { _tag: "Cut" } : { _tag: "Refused", error }
}

/** The error at the end of a text: all of it, or its last line. */
const lastWords = (text: string): unknown => {
  const trimmed = text.trim()
  const candidates = [trimmed, trimmed.slice(trimmed.lastIndexOf("\n") + 1)]
  return candidates.map((candidate) => candidate.startsWith(opening) ? parseJson(candidate) : undefined)
    .find(looksLikeError)
}
