import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import type { Checked } from "../http/refusal.js"
import { badRequest } from "../http/refusal.js"
import type { Database } from "./state.js"

/** How far each shard has been read. */
export type Position = ReadonlyArray<number>

/** Where nothing has been read. */
export const start = (database: Database): Position => database.shards.map(() => 0)

/** Where everything has been read. */
export const now = (database: Database): Position => database.shards.map(({ seq }) => seq)

/**
 * A position as an opaque text. The number before the dash is only for the eye, as in CouchDB: it is not part of the
 * position, and two positions may share it.
 */
export const encode = (database: Database, position: Position): string =>
  `${position.reduce((sum, seq) => sum + seq, 0)}-${
    Encoding.encodeBase64Url(JSON.stringify([database.instance, ...position]))
  }`

const malformed = badRequest("Malformed sequence supplied in 'since' parameter.")

/** Reads a position. One of an earlier life of the database, or of another number of shards, rewinds to the start. */
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
