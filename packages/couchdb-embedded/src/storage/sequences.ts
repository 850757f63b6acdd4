import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import type { Checked } from "../http/refusal.js"
import { badRequest } from "../http/refusal.js"
import type { Database } from "./state.js"

/** The last read sequence of each shard. */
export type Position = ReadonlyArray<number>

/** The position before all changes. */
export const start = (database: Database): Position => database.shards.map(() => 0)

/** The position after all changes. */
export const now = (database: Database): Position => database.shards.map(({ seq }) => seq)

/**
 * Encodes a position. The number before the dash is informative only, as in CouchDB: two positions may have the same
 * number.
 */
export const encode = (database: Database, position: Position): string =>
  `${position.reduce((sum, seq) => sum + seq, 0)}-${
    Encoding.encodeBase64Url(JSON.stringify([database.instance, ...position]))
  }`

const malformed = badRequest("Malformed sequence supplied in 'since' parameter.")

/**
 * Decodes a position. A position of an earlier instance of the database, or of another number of shards, rewinds to the
 * start.
 */
export const decode = (database: Database, text: string): Checked<Position> => {
  if (text === "0") return Either.right(start(database))
  if (text === "now") return Either.right(now(database))
  const opaque = /^"?(?:\d+-)?(.*?)"?$/.exec(text)?.[1] ?? ""
  const decoded = Encoding.decodeBase64UrlString(opaque)
  if (opaque === "" || Either.isLeft(decoded)) return malformed
  const parts = /^\["([0-9a-f]+)"((?:,\d{1,15})+)\]$/.exec(decoded.right)
  if (parts === null) return malformed
  const position = (parts[2] ?? "").slice(1).split(",").map(Number)
  const same = parts[1] === database.instance && position.length === database.shards.length
  return Either.right(same ? position : start(database))
}
