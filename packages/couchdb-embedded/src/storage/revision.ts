import * as Either from "effect/Either"
import * as Utf8 from "../encoding/utf8.js"
import type { Checked } from "../http/refusal.js"
import { badRequest } from "../http/refusal.js"

/** A revision. The hash is 32 lower-case hexadecimal digits, or text of any other length. */
export interface Rev {
  readonly generation: number
  readonly hash: string
}

const hexHash = /^[0-9a-f]{32}$/

/** Prints a revision. The result is also its key in the revision tree. */
export const format = (rev: Rev): string => `${rev.generation}-${rev.hash}`

/**
 * The hash as CouchDB prints it. CouchDB stores 32 hexadecimal digits as 16 bytes, so they come back in lower case, and
 * any other 16 bytes come back as digits. `undefined` for 32 characters that are not hexadecimal.
 */
export const canonicalHash = (hash: string): string | undefined => {
  if (hexHash.test(hash)) return hash
  if (hash.length === 32) {
    const lower = hash.toLowerCase()
    return hexHash.test(lower) ? lower : undefined
  }
  if (hash.length <= 16) {
    const bytes = Utf8.encode(hash)
    if (bytes.length === 16) return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")
  }
  return hash
}

/** Parses `generation-hash`. */
export const parse = (text: unknown): Checked<Rev> => {
  if (typeof text === "string") {
    const dash = text.indexOf("-")
    const generation = text.slice(0, Math.max(dash, 0))
    const hash = canonicalHash(text.slice(dash + 1))
    if (/^\+?\d{1,15}$/.test(generation) && hash !== undefined) {
      return Either.right({ generation: Number(generation), hash })
    }
  }
  return badRequest("Invalid rev format")
}

/** Parses a list of revisions. */
export const parseAll = (list: unknown): Checked<ReadonlyArray<Rev>> =>
  Array.isArray(list) ? Either.all(list.map(parse)) : badRequest("Invalid list of revisions")

/** The bytes that CouchDB stores of a hash. */
export const bytesOf = (hash: string): Uint8Array =>
  hexHash.test(hash)
    ? Uint8Array.from({ length: 16 }, (_, i) => parseInt(hash.slice(2 * i, 2 * i + 2), 16))
    : Utf8.encode(hash)

/** Compares hashes by their stored bytes. */
export const compareHash = (self: string, that: string): number => {
  if (self === that) return 0
  if (hexHash.test(self) && hexHash.test(that)) return self < that ? -1 : 1
  const left = bytesOf(self)
  const right = bytesOf(that)
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0)
    if (difference !== 0) return difference
  }
  return left.length - right.length
}

/** Compares revisions by generation, then by hash. */
export const compare = (self: Rev, that: Rev): number =>
  self.generation - that.generation || compareHash(self.hash, that.hash)
