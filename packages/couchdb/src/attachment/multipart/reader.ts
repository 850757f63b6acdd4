import { concatBytes, decodeUtf8 } from "../../data/text.js"

/** The elements of a multipart body, in order. */
export type Event =
  | { readonly _tag: "Start"; readonly headers: Readonly<Record<string, string>> }
  | { readonly _tag: "Bytes"; readonly bytes: Uint8Array }
  | { readonly _tag: "End" }

const encoder = new TextEncoder()

const cr = 13
const dash = 45
const emptyLine = encoder.encode("\r\n\r\n")

/** The headers of a part are shorter. */
const longestHeaders = 1 << 16

const find = (bytes: Uint8Array, wanted: Uint8Array, from: number): number => {
  for (let at = bytes.indexOf(cr, from); at !== -1; at = bytes.indexOf(cr, at + 1)) {
    if (at + wanted.length > bytes.length) return -1
    let same = 1
    while (same < wanted.length && bytes[at + same] === wanted[same]) same++
    if (same === wanted.length) return at
  }
  return -1
}

const headersOf = (text: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    text.split("\r\n").flatMap((line) => {
      const colon = line.indexOf(":")
      return colon === -1 ? [] : [[line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()]]
    })
  )

/** The boundary in a content type. */
export const boundaryOf = (contentType: string | undefined): string | undefined => {
  const found = /;\s*boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(contentType ?? "")
  return found?.[1] ?? found?.[2]
}

/** Parses a multipart body in chunks of any size. The bytes of a part are not copied. */
export class MultipartReader {
  /** Whether the last boundary was read. */
  closed = false
  /** Whether the body is not a multipart body. */
  malformed = false
  private readonly delimiter: Uint8Array
  // The first boundary may be at the very beginning.
  private rest: Uint8Array = encoder.encode("\r\n")
  private state: "before" | "boundary" | "headers" | "body" = "before"

  constructor(boundary: string) {
    this.delimiter = encoder.encode(`\r\n--${boundary}`)
  }

  push(chunk: Uint8Array, out: Array<Event>): void {
    this.rest = this.rest.length === 0 ? chunk : concatBytes([this.rest, chunk])
    while (!this.closed && !this.malformed && this.step(out));
    if (this.closed || this.malformed) this.rest = new Uint8Array(0)
  }

  /** Reads one element. Returns whether there may be another one. */
  private step(out: Array<Event>): boolean {
    const { rest } = this
    switch (this.state) {
      case "before":
      case "body": {
        const at = find(rest, this.delimiter, 0)
        // The end of the chunk may be the beginning of a boundary.
        const sure = at === -1 ? Math.max(0, rest.length - this.delimiter.length) : at
        if (this.state === "body" && sure > 0) out.push({ _tag: "Bytes", bytes: rest.subarray(0, sure) })
        this.rest = rest.subarray(at === -1 ? sure : at + this.delimiter.length)
        if (at === -1) return false
        if (this.state === "body") out.push({ _tag: "End" })
        this.state = "boundary"
        return true
      }
      case "boundary":
        if (rest.length < 2) return false
        if (rest[0] === dash && rest[1] === dash) this.closed = true
        this.state = "headers"
        return true
      case "headers": {
        const at = find(rest, emptyLine, 0)
        if (at === -1) {
          this.malformed = rest.length > longestHeaders
          return false
        }
        out.push({ _tag: "Start", headers: headersOf(decodeUtf8(rest.subarray(0, at))) })
        this.rest = rest.subarray(at + emptyLine.length)
        this.state = "body"
        return true
      }
    }
  }
}
