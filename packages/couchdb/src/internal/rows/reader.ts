import { looksLikeError, type Row } from "./row.js"
import { Scanner } from "./scanner.js"
import { blank, comma, join, newline, opening, parse, utf8 } from "./text.js"

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

/** So many lines that are not one row each, and the layout is taken for another. */
const patience = 3

/** As much as is kept of what does not belong here: enough for an error. */
const longestStray = 1 << 16

/**
 * Takes the bytes of an answer in pieces of any size, and gives the elements of one array in its outermost object, or,
 * where no array is named, a sequence of values one after the other.
 *
 * CouchDB writes one row a line, so a line that parses is a row: no line break can stand inside a JSON string, and none
 * of the bytes of a longer UTF-8 character is a line break. What is laid out otherwise is scanned byte by byte.
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

  constructor(private readonly array: string | undefined) {
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
      const begun = join(this.pieces)
      this.forget()
      this.state = "between"
      this.lines = false
      this.push(begun, out)
    }
    if (this.state === "stray") {
      const error = lastWords(utf8(join(this.stray))) ?? this.held?.json
      return error === undefined
        ? { _tag: "Strange", problem: "something stands where no row can" }
        : { _tag: "Refused", error }
    }
    const left = utf8(join(this.pieces)).trim()
    if (left !== "") {
      const json = parse(left)
      if (json === undefined) return cut(left)
      this.take({ text: left, json }, false, out)
    }
    if (this.held !== undefined) return { _tag: "Refused", error: this.held.json }
    if (this.sequence) return { _tag: "Whole", around: "{}" }
    const around = utf8(this.around.bytes())
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
        if (!blank(chunk[i])) {
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
    while (at < chunk.length && blank(chunk[at])) {
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

  /** All whole lines of the piece at once: one decoding for many rows. */
  private readLines(chunk: Uint8Array, at: number, out: Array<Row>): number {
    const last = chunk.lastIndexOf(newline)
    if (last < at) {
      this.carry(chunk.subarray(at))
      return chunk.length
    }
    const text = utf8(chunk.subarray(at, last))
    let line = 0
    for (let start = 0; start <= text.length;) {
      const found = text.indexOf("\n", start)
      const end = found === -1 ? text.length : found
      if (!this.takeLine(text, start, end, out)) {
        let offset = at
        while (line-- > 0) offset = chunk.indexOf(newline, offset) + 1
        this.state = "between"
        return offset
      }
      line++
      start = end + 1
    }
    this.state = "between"
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
      const text = utf8(join([...begun, chunk.subarray(at, end)]))
      if (this.takeLine(text, 0, text.length, out)) return end + 1
    } else this.lines = false
    this.push(join(begun), out)
    return at
  }

  /** Whether the line is blank or one row, which is then taken. */
  private takeLine(text: string, from: number, to: number, out: Array<Row>): boolean {
    let start = from
    let end = to
    while (end > start && blank(text.charCodeAt(end - 1))) end--
    while (start < end && blank(text.charCodeAt(start))) start++
    if (start === end) return true
    const separated = text.charCodeAt(end - 1) === comma
    const first = text.charCodeAt(start)
    if (first === 93 || first === comma || !(this.sequence || this.separated)) return false
    const row = text.slice(start, separated ? end - 1 : end)
    const json = this.sequence && separated ? undefined : parse(row)
    if (json === undefined) {
      this.scanNext = true
      if (++this.misses >= patience) this.lines = false
      return false
    }
    this.misses = 0
    this.take({ text: row, json }, separated, out)
    return true
  }

  private readElement(chunk: Uint8Array, at: number, out: Array<Row>): number {
    const next = this.element.scan(chunk, at)
    if (!this.element.closed) {
      this.carry(chunk.subarray(at))
      return chunk.length
    }
    const bytes = join([...this.pieces, chunk.subarray(at, next)])
    this.forget()
    this.element.reset()
    const text = utf8(bytes)
    const json = parse(text)
    if (json === undefined) {
      this.state = "stray"
      this.keep(bytes, 0)
      return next
    }
    this.state = "between"
    this.take({ text, json }, false, out)
    return next
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

const whole = (around: string, found: boolean): End => {
  const json = parse(around)
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
  return candidates.map((candidate) => candidate.startsWith(opening) ? parse(candidate) : undefined)
    .find(looksLikeError)
}
