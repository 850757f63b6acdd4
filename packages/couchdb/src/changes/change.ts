import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { JsonObject } from "../data/Json.js"
import * as Revision from "../data/Revision.js"
import type { DecodeError } from "../document/errors.js"
import { type BatchOrEffect, RowBatch } from "../rows/batch.js"
import { type Members, type Row, sequenceOf } from "../rows/row.js"
import type { Change, Changed, DatabaseGone, Deleted } from "./Changes.js"
import type { Source } from "./source.js"

/** A row of a feed that reports a change, before its document is decoded. */
export interface ChangeRow {
  readonly id: string
  readonly sequence: Option.Option<string>
  readonly revisions: readonly [Revision.Revision, ...Array<Revision.Revision>]
  readonly deleted: boolean
  readonly row: Row
}

const revisionsIn = (changes: unknown): Array<Revision.Revision> => {
  const revisions: Array<Revision.Revision> = []
  if (!Array.isArray(changes)) return revisions
  for (let i = 0; i < changes.length; i++) {
    const rev = (changes[i] as Members | null)?.rev
    if (Revision.isRevision(rev)) revisions.push(rev)
  }
  return revisions
}

interface RowOfChange {
  readonly id?: unknown
  readonly seq?: unknown
  readonly changes?: unknown
  readonly deleted?: unknown
}

/** The change that a row reports, or `undefined` if it is not a change. */
export const changeRow = (row: Row): ChangeRow | undefined => {
  if (typeof row.json !== "object" || row.json === null) return undefined
  const { changes, deleted, id, seq } = row.json as RowOfChange
  const revisions = revisionsIn(changes)
  if (typeof id !== "string" || revisions.length === 0) return undefined
  return {
    id,
    sequence: typeof seq === "string" ? Option.some(seq) : sequenceOf(seq),
    revisions: revisions as unknown as ChangeRow["revisions"],
    deleted: deleted === true,
    row
  }
}

/** Whether this row ends a continuous feed. */
export const isLast = (row: Row): boolean => lastSequence(row) !== undefined

/** The sequence that ends a continuous feed, or `undefined` for any other row. */
export const lastSequence = (row: Row): string | undefined => {
  const last = (row.json as { readonly last_seq?: unknown } | null)?.last_seq
  return last === undefined ? undefined : Option.getOrUndefined(sequenceOf(last))
}

// Same result as `Data.tagged`, but assigns each member directly: changes are created in large numbers.
const structural: object = Object.getPrototypeOf(Data.struct({}))

type Writable<A> = { -readonly [K in keyof A]: A[K] }

const makeDeleted = ({ id, revisions, sequence }: ChangeRow, body: Option.Option<JsonObject>): Deleted => {
  const change = Object.create(structural) as Writable<Deleted>
  change.id = id
  change.sequence = sequence
  change.rev = revisions[0]
  change.revisions = revisions
  change.body = body
  change._tag = "Deleted"
  return change
}

const makeChanged = <D>({ id, revisions, row, sequence }: ChangeRow, document: Option.Option<D>): Changed<D> => {
  const change = Object.create(structural) as Writable<Changed<D>>
  change.id = id
  change.sequence = sequence
  change.rev = revisions[0]
  change.revisions = revisions
  change.conflicts = conflictsOf(row)
  change.document = document
  change._tag = "Changed"
  return change
}

export const databaseGone = Data.tagged<DatabaseGone>("DatabaseGone")

const noConflicts: ReadonlyArray<Revision.Revision> = []

const conflictsOf = (row: Row): ReadonlyArray<Revision.Revision> => {
  const conflicts = ((row.json as Members).doc as Members | null | undefined)?._conflicts
  return Array.isArray(conflicts) ? conflicts.filter(Revision.isRevision) : noConflicts
}

/** Converts rows to changes. Documents are decoded, each with its own error. */
export const toChanges = <D, R>(
  source: Source<D, R>,
  rows: ReadonlyArray<ChangeRow>
): BatchOrEffect<Change<D>, never, R> => {
  const batch = new RowBatch<Change<D>, R>()
  for (const change of rows) {
    if (!source.concerns(change.id)) continue
    if (change.deleted) {
      batch.add(makeDeleted(change, source.body(change.row)))
      continue
    }
    const document = source.document(change.row)
    if (Either.isEither(document)) {
      const either = document as Either.Either<Option.Option<D>, DecodeError>
      batch.add(Either.isRight(either) ? makeChanged(change, either.right) : either.left)
    } else batch.addEffect(Effect.map(document, (document) => makeChanged(change, document)))
  }
  return batch.made
}
