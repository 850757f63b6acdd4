import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
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

/** An effect that is an `Either`, which needs no fiber. */
export const eitherOf = <A, E, R>(effect: Effect.Effect<A, E, R>): Either.Either<A, E> | undefined =>
  Either.isEither(effect) ? effect as Either.Either<A, E> : undefined

/**
 * A member decoded. Most schemas need no effect, and then neither does this: the answer is an `Either`, which whoever reads
 * many rows takes as it is.
 */
export const decodeMember = <A, R>(
  codec: Codec<A, R>,
  row: Row,
  name: string,
  where: { readonly database: string; readonly id: string }
): Effect.Effect<A, DecodeError, R> => {
  const refuse = (issues: DecodeError["issues"], issue: unknown): DecodeError =>
    new DecodeError({
      ...where,
      rev: revisionIn(row),
      issues: issues.map(({ expected, path }) => ({ path: [name, ...path], expected }))
    }, issue)
  const explain = (issue: ParseIssue): DecodeError => refuse(schemaIssues(issue), issue)
  try {
    const decoded = codec.decode(row, name)
    const either = eitherOf(decoded)
    return either === undefined ? Effect.mapError(decoded, explain) : Either.mapLeft(either, explain)
  } catch (error) {
    const expected = `the schema threw ${error instanceof Error ? error.name : "a value"}`
    return Either.left(refuse([{ path: [], expected }], error))
  }
}

/** Both, without a fiber where neither needs one. */
const both = <A, B, C, R, R2>(
  left: Effect.Effect<A, DecodeError, R>,
  right: Effect.Effect<B, DecodeError, R2>,
  f: (a: A, b: B) => C
): Effect.Effect<C, DecodeError, R | R2> => {
  const first = eitherOf(left)
  const second = eitherOf(right)
  return first !== undefined && second !== undefined
    ? Either.flatMap(first, (a) => Either.map(second, (b) => f(a, b)))
    : Effect.flatMap(left, (a) => Effect.map(right, (b) => f(a, b)))
}

/** What succeeds at once, as an `Either`. */
const atOnce = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Exit.isExit(effect) && Exit.isSuccess(effect) ? Either.right(effect.value as A) : effect

const conflictsOf = (row: Row): ReadonlyArray<Revision.Revision> => {
  const conflicts = member(member(row.json, "doc"), "_conflicts")
  return Array.isArray(conflicts) ? conflicts.filter(Revision.isRevision) : []
}

const idOf = (row: Row): string | undefined => {
  const id = member(row.json, "id")
  return typeof id === "string" ? id : undefined
}

const makeRow = <K, V, D>(fields: Omit<ViewRow<K, V, D>, "_tag">): ViewRow<K, V, D> =>
  Data.tagged<ViewRow<K, V, D>>("Row")(fields)

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
    if (refused !== undefined) return Either.right(refused)
    const id = idOf(row) as string
    const where = { database: source.database, id }
    const members = both(
      decodeMember(view.key, row, "key", where),
      decodeMember(view.value, row, "value", where),
      (key, value) => ({ id, key, value, conflicts: conflictsOf(row) })
    )
    return both(
      members,
      atOnce(source.document(row)),
      (members, document) => makeRow<K, V, D>({ ...members, document })
    )
  }
})

const makeGroup = <K, V>(key: Option.Option<K>, value: V): Group<K, V> =>
  Data.tagged<Group<K, V>>("Group")({ key, value })

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
    if (refused !== undefined) return Either.right(refused)
    const where = { database, id: name }
    const value = decodeMember(view.value, row, "value", where)
    return grouped
      ? both(decodeMember(view.key, row, "key", where), value, (key, value) => makeGroup(Option.some(key), value))
      : both(Either.right(undefined), value, (_, value) => makeGroup(Option.none<K>(), value))
  }
})

/** The number that a member of an answer is, if it is one. */
export const numberOf = (json: Json.Json | undefined): Option.Option<number> =>
  typeof json === "number" ? Option.some(json) : Option.none()
