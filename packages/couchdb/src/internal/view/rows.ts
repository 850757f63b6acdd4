import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type ParseIssue } from "effect/ParseResult"
import { DecodeError } from "../../CouchError.js"
import type * as Json from "../../Json.js"
import * as Revision from "../../Revision.js"
import type { Codec, Group, Reduced, Refused, Row as ViewRow, View } from "../../View.js"
import type { Source } from "../changes/source.js"
import { isObject, member, type Row } from "../rows/row.js"
import { schemaIssues } from "../schemaIssues.js"
import { exactMember } from "./describe.js"

/** What is made of the rows of an answer. `problem` tells what keeps a row from being one at all. */
export interface Reading<Out, R> {
  readonly problem: (row: Row) => string | undefined
  readonly concerns: (row: Row) => boolean
  readonly read: (row: Row) => Effect.Effect<Out, DecodeError, R>
}

const makeRefused = Data.tagged<Refused>("Refused")

/** A row that says why it is none, such as that of a key which no document has. */
const refusedOf = (row: Row): Refused | undefined => {
  const error = member(row.json, "error")
  if (typeof error !== "string") return undefined
  const reason = member(row.json, "reason")
  return makeRefused({
    key: exactMember(row, "key"),
    error,
    reason: typeof reason === "string" ? Option.some(reason) : Option.none()
  })
}

const revisionIn = (row: Row): string => {
  const found = member(member(row.json, "doc"), "_rev") ?? member(member(row.json, "value"), "rev")
  return typeof found === "string" ? found : ""
}

export const decodeMember = <A, R>(
  codec: Codec<A, R>,
  row: Row,
  name: string,
  where: { readonly database: string; readonly id: string }
): Effect.Effect<A, DecodeError, R> =>
  Effect.mapError(
    codec.decode(row, name),
    (issue: ParseIssue) =>
      new DecodeError({
        ...where,
        rev: revisionIn(row),
        issues: schemaIssues(issue).map(({ expected, path }) => ({ path: [name, ...path], expected }))
      }, issue)
  )

const conflictsOf = (row: Row): ReadonlyArray<Revision.Revision> => {
  const conflicts = member(member(row.json, "doc"), "_conflicts")
  return Array.isArray(conflicts) ? conflicts.filter(Revision.isRevision) : []
}

const idOf = (row: Row): string | undefined => {
  const id = member(row.json, "id")
  return typeof id === "string" ? id : undefined
}

/** The rows of a view whose every row is one emission of one document. */
export const ofView = <K, V, R, D, R2>(
  view: View<K, V, R>,
  source: Source<D, R2>
): Reading<ViewRow<K, V, D> | Refused, R | R2> => ({
  problem: (row) =>
    !isObject(row.json) || (idOf(row) === undefined && typeof row.json["error"] !== "string")
      ? "a row that names no document"
      : undefined,
  concerns: (row) => view.place._tag !== "AllDocs" || idOf(row) === undefined || source.concerns(idOf(row) as string),
  read: (row) => {
    const refused = refusedOf(row)
    if (refused !== undefined) return Effect.succeed(refused)
    const id = idOf(row) as string
    const where = { database: source.database, id }
    return Effect.map(
      Effect.all([
        decodeMember(view.key, row, "key", where),
        decodeMember(view.value, row, "value", where),
        source.document(row)
      ]),
      ([key, value, document]) =>
        Data.tagged<ViewRow<K, V, D>>("Row")({ id, key, value, document, conflicts: conflictsOf(row) })
    )
  }
})

/** The rows of a reduced view: one for all documents, or one for each group of keys. */
export const ofReduced = <K, V, R>(
  view: Reduced<K, V, R>,
  database: string,
  name: string,
  grouped: boolean
): Reading<Group<K, V> | Refused, R> => ({
  problem: (row) =>
    !isObject(row.json) || (!Object.hasOwn(row.json, "value") && typeof row.json["error"] !== "string")
      ? "a row without a value"
      : undefined,
  concerns: () => true,
  read: (row) => {
    const refused = refusedOf(row)
    if (refused !== undefined) return Effect.succeed(refused)
    const where = { database, id: name }
    const key: Effect.Effect<Option.Option<K>, DecodeError, R> = grouped
      ? Effect.asSome(decodeMember(view.key, row, "key", where))
      : Effect.succeedNone
    return Effect.map(
      Effect.all([key, decodeMember(view.value, row, "value", where)]),
      ([key, value]) => Data.tagged<Group<K, V>>("Group")({ key, value })
    )
  }
})

/** The number that a member of an answer is, if it is one. */
export const numberOf = (json: Json.Json | undefined): Option.Option<number> =>
  typeof json === "number" ? Option.some(json) : Option.none()
