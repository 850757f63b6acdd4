import { concatBytes, decodeUtf8, parseJson, whitespace } from "../data/text.js"

/**
 * Finds the end of one JSON value, byte by byte and across chunk boundaries. If it has the name of an array, it also
 * stops after the opening bracket of this array in the outermost object, and keeps the bytes around the array.
 */
export class Scanner {
  /** The value is complete. */
  closed = false
  /** It stopped after the bracket that opens the array. */
  inside = false
  /** The value contains the array. */
  found = false
  /** The value is not an object. */
  refused = false
  private depth = 0
  private started = false
  private inString = false
  private escaped = false
  /** It stopped after a bracket that opens an array of the outermost object. */
  private atBracket = false
  private kept: Array<Uint8Array> = []

  constructor(private readonly array?: string | undefined) {}

  /** Prepares for the next value. */
  reset(): void {
    this.closed = false
  }

  /** The bytes around the array. */
  bytes(): Uint8Array {
    return concatBytes(this.kept)
  }

  /** Continues from `start`, and returns the position after the bytes that it read. */
  scan(chunk: Uint8Array, start: number): number {
    if (this.array === undefined) return this.walk(chunk, start)
    let at = start
    if (!this.started) {
      while (at < chunk.length && whitespace[chunk[at] as number] === 1) at++
      if (at === chunk.length) return at
      if (chunk[at] !== 123) {
        this.refused = true
        return at
      }
      this.started = true
    }
    for (;;) {
      const from = at
      at = this.walk(chunk, at)
      this.kept.push(chunk.slice(from, at))
      if (!this.atBracket) return at
      this.atBracket = false
      if (this.named()) {
        this.found = true
        this.inside = true
        return at
      }
    }
  }

  private walk(chunk: Uint8Array, start: number): number {
    let at = start
    while (at < chunk.length) {
      const byte = chunk[at]
      if (this.inString) {
        if (this.escaped) this.escaped = false
        else if (byte === 92) this.escaped = true
        else if (byte === 34) {
          this.inString = false
          if (this.depth === 0) return this.close(at + 1)
        }
        at++
        continue
      }
      switch (byte) {
        case 34:
          this.inString = true
          break
        case 123:
          this.depth++
          break
        case 91:
          this.depth++
          if (this.depth === 2 && this.array !== undefined && !this.found) {
            this.atBracket = true
            return at + 1
          }
          break
        case 125:
        case 93:
          // The bracket belongs to the container of a scalar.
          if (this.depth === 0) return this.close(at)
          if (--this.depth === 0) return this.close(at + 1)
          break
        case 44:
        case 32:
        case 10:
        case 13:
        case 9:
          if (this.depth === 0) return this.close(at)
          break
      }
      at++
    }
    return at
  }

  private close(at: number): number {
    this.closed = true
    return at
  }

  /** Whether the bracket just read opens the array with the given name. */
  private named(): boolean {
    const key = /("(?:[^"\\]|\\.)*")\s*:\s*\[$/.exec(decodeUtf8(this.bytes()))?.[1]
    return key !== undefined && parseJson(key) === this.array
  }
}
