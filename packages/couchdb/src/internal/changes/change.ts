import * as Chunk from "effect/Chunk"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { Change, Changed, DatabaseGone, Deleted } from "../../Changes.js"
import type { DecodeError } from "../../CouchError.js"
import type { JsonObject } from "../../Json.js"
import * as Revision from "../../Revision.js"
import { isObject, member, type Row } from "../rows/row.js"
import type { Source } from "./source.js"

/** A line of a feed that tells of a change, before anybody looked at its document. */
export interface ChangeRow {
  readonly id: string
  readonly sequence: Option.Option<string>
  readonly revisions: readonly [Revision.Revision, ...Array<Revision.Revision>]
  readonly deleted: boolean
  readonly row: Row
}

/** A sequence is a text; servers before 2.0 gave numbers. With `seqInterval` most rows have none. */
export const sequenceOf = (json: unknown): Option.Option<string> =>
  typeof json === "string" ? Option.some(json) : typeof json === "number" ? Option.some(String(json)) : Option.none()

const leaves = (changes: unknown): ReadonlyArray<Revision.Revision> =>
  Array.isArray(changes)
    ? changes.map((change: unknown) => member(change, "rev")).filter(Revision.isRevision)
    : []

/** `undefined` where the row tells of no change. */
export const changeRow = (row: Row): ChangeRow | undefined => {
  if (!isObject(row.json)) return undefined
  const { changes, deleted, id, seq } = row.json
  const [winner, ...others] = leaves(changes)
  if (typeof id !== "string" || winner === undefined) return undefined
  return { id, sequence: sequenceOf(seq), revisions: [winner, ...others], deleted: deleted === true, row }
}

const makeDeleted = Data.tagged<Deleted>("Deleted")

const makeChanged = <D>(fields: Omit<Changed<D>, "_tag">): Changed<D> => Data.tagged<Changed<D>>("Changed")(fields)

export const databaseGone = Data.tagged<DatabaseGone>("DatabaseGone")

const conflictsOf = (row: Row): ReadonlyArray<Revision.Revision> => {
  const conflicts = member(member(row.json, "doc"), "_conflicts")
  return Array.isArray(conflicts) ? conflicts.filter(Revision.isRevision) : []
}

const changed = <D>({ id, revisions, row, sequence }: ChangeRow, document: Option.Option<D>): Change<D> =>
  makeChanged({ id, sequence, rev: revisions[0], revisions, conflicts: conflictsOf(row), document })

/** The change that a row tells of, its document decoded if it brings one. */
const toChange = <D, R>(source: Source<D, R>, change: ChangeRow): Effect.Effect<Change<D>, DecodeError, R> => {
  if (change.deleted) {
    const { id, revisions, row, sequence } = change
    const body: Option.Option<JsonObject> = source.body(row)
    return Effect.succeed(makeDeleted({ id, sequence, rev: revisions[0], revisions, body }))
  }
  return Effect.map(source.document(change.row), (document) => changed(change, document))
}

/** The changes of some rows, each with its own error. */
export const toChanges = <D, R>(
  source: Source<D, R>,
  rows: ReadonlyArray<ChangeRow>
): Effect.Effect<Chunk.Chunk<Either.Either<Change<D>, DecodeError>>, never, R> =>
  Effect.map(
    Effect.forEach(rows.filter(({ id }) => source.concerns(id)), (row) => Effect.either(toChange(source, row))),
    Chunk.unsafeFromArray
  )
