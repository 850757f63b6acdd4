import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { type ParseIssue } from "effect/ParseResult"
import type * as Json from "../../data/Json.js"
import * as Revision from "../../data/Revision.js"
import { unfit } from "../../document/compiledDecoder.js"
import { DecodeError } from "../../document/errors.js"
import { failAt } from "../../http/failAt.js"
import { schemaIssues } from "../../http/schemaIssues.js"
import { type Members, type Row } from "../../rows/row.js"
import type { Source } from "../../rows/source.js"
import type { Codec, Group, Place, Reduced, Refused, Row as ViewRow, View } from "../View.js"
import { type AtOnce, exactMember } from "./definition.js"

/**
 * How rows become results.
 *
 * - `problem`: what is wrong with an element that is not a row
 * - `concerns`: whether the row is about a document of the source
 * - `read`: the result of a row
 * - `readNow`: the result without an effect, or `undefined` if only `read` can give it
 */
export interface Reading<Out, R> {
  readonly problem: (row: Row) => string | undefined
  readonly concerns: (row: Row) => boolean
  readonly read: (row: Row) => Effect.Effect<Out, DecodeError, R>
  readonly readNow?: (row: Row) => Out | DecodeError | undefined
}

const isRecord = (json: unknown): json is Members => typeof json === "object" && json !== null && !Array.isArray(json)

/** The members of a row; `problem` makes sure that it is an object. */
const membersOf = (row: Row): Members => row.json as Members

/** The members of what may be no object. */
const inside = (json: unknown): Members | undefined => (json ?? undefined) as Members | undefined

const makeRefused = Data.tagged<Refused>("Refused")

/** A row that reports an error, such as that of a key which no document has. */
const refusedOf = (row: Row): Refused | undefined => {
  const { error, reason } = membersOf(row)
  if (typeof error !== "string") return undefined
  return makeRefused({
    key: exactMember(row, "key"),
    error,
    reason: typeof reason === "string" ? Option.some(reason) : Option.none()
  })
}

const revisionIn = (row: Row): string => {
  const { doc, value } = membersOf(row)
  const found = inside(doc)?._rev ?? inside(value)?.rev
  return typeof found === "string" ? found : ""
}

/**
 * Decodes a member. Most schemas need no effect, and the result is then an `Either`, which readers of many rows use directly.
 */
export const decodeMember = <A, R>(
  codec: Codec<A, R>,
  row: Row,
  name: string,
  where: { readonly database: string; readonly id: string }
): Effect.Effect<A, DecodeError, R> => {
  const refuse = (issues: DecodeError["issues"], issue: unknown): Effect.Effect<never, DecodeError> =>
    failAt((from) =>
      new DecodeError({
        ...from,
        ...where,
        rev: revisionIn(row),
        issues: issues.map(({ expected, path }) => ({ path: [name, ...path], expected }))
      }, issue)
    )
  const explain = (issue: ParseIssue): Effect.Effect<never, DecodeError> => refuse(schemaIssues(issue), issue)
  try {
    const decoded = codec.decode(row, name)
    if (!Either.isEither(decoded)) return Effect.catchAll(decoded, explain)
    const either = decoded as Either.Either<A, ParseIssue>
    return Either.isRight(either) ? Either.right(either.right) : explain(either.left)
  } catch (error) {
    const expected = `the schema threw ${error instanceof Error ? error.name : "a value"}`
    return refuse([{ path: [], expected }], error)
  }
}

/** Both, without a fiber where neither needs one. */
const both = <A, B, C, R, R2>(
  left: Effect.Effect<A, DecodeError, R>,
  right: Effect.Effect<B, DecodeError, R2>,
  f: (a: A, b: B) => C
): Effect.Effect<C, DecodeError, R | R2> =>
  Either.isEither(left) && Either.isEither(right)
    ? Either.flatMap(
      left as Either.Either<A, DecodeError>,
      (a) => Either.map(right as Either.Either<B, DecodeError>, (b) => f(a, b))
    )
    : Effect.flatMap(left, (a) => Effect.map(right, (b) => f(a, b)))

/** A member decoded without an effect, or `unfit`. */
const memberNow = <A, R>(codec: Codec<A, R>, row: Row, name: "key" | "value"): A | typeof unfit => {
  const { decodeNow } = codec as Partial<AtOnce<A>>
  try {
    return decodeNow === undefined ? unfit : decodeNow(membersOf(row)[name], row, name)
  } catch {
    return unfit
  }
}

const noConflicts: ReadonlyArray<Revision.Revision> = []

const conflictsOf = (row: Row): ReadonlyArray<Revision.Revision> => {
  const conflicts = inside(membersOf(row).doc)?._conflicts
  return Array.isArray(conflicts) ? conflicts.filter(Revision.isRevision) : noConflicts
}

const idOf = (row: Row): string | undefined => {
  const { id } = membersOf(row)
  return typeof id === "string" ? id : undefined
}

// As `Data.tagged` would make them, but a member at a time: many are made.
const structural: object = Object.getPrototypeOf(Data.struct({}))

const makeRow = <K, V, D>(
  id: string,
  key: K,
  value: V,
  document: Option.Option<D>,
  conflicts: ReadonlyArray<Revision.Revision>
): ViewRow<K, V, D> => {
  const row = Object.create(structural) as { -readonly [F in keyof ViewRow<K, V, D>]: ViewRow<K, V, D>[F] }
  row.id = id
  row.key = key
  row.value = value
  row.document = document
  row.conflicts = conflicts
  row._tag = "Row"
  return row
}

/** The id of the document that a row brings, or would bring: a row may link to another document than its own. */
const documentIdOf = (row: Row): string | undefined => {
  const linked = inside(membersOf(row).value)?._id
  return typeof linked === "string" ? linked : idOf(row)
}

/** Whether a row is of a document of the source. Lists of local and of design documents are nobody's. */
const concernsRow = (place: Place, source: Source<unknown, unknown>) => (row: Row): boolean => {
  if (source.span === undefined || place._tag === "DesignDocs" || place._tag === "LocalDocs") return true
  // A key without a document has no id, and is one itself.
  const id = place._tag === "Design" ? documentIdOf(row) : idOf(row) ?? membersOf(row).key
  return typeof id !== "string" || source.concerns(id)
}

/** The rows of a view whose every row is one emission of one document. */
export const ofView = <K, V, R, D, R2>(
  view: View<K, V, R>,
  source: Source<D, R2>
): Reading<ViewRow<K, V, D> | Refused, R | R2> => ({
  problem: (row) =>
    !isRecord(row.json) || (idOf(row) === undefined && typeof row.json.error !== "string")
      ? "a row that names no document"
      : undefined,
  concerns: concernsRow(view.place, source as Source<unknown, unknown>),
  read: (row) => {
    const refused = refusedOf(row)
    if (refused !== undefined) return Either.right(refused)
    const id = idOf(row) as string
    const where = { database: source.database, id }
    return both(
      both(
        decodeMember(view.key, row, "key", where),
        decodeMember(view.value, row, "value", where),
        (key, value) => ({ key, value })
      ),
      source.document(row),
      ({ key, value }, document) => makeRow<K, V, D>(id, key, value, document, conflictsOf(row))
    )
  },
  readNow: (row) => {
    const refused = refusedOf(row)
    if (refused !== undefined) return refused
    const key = memberNow(view.key, row, "key")
    if (key === unfit) return undefined
    const value = memberNow(view.value, row, "value")
    if (value === unfit) return undefined
    const read = source.document(row)
    if (!Either.isEither(read)) return undefined
    const document = read as Either.Either<Option.Option<D>, DecodeError>
    return Either.isLeft(document)
      ? document.left
      : makeRow<K, V, D>(idOf(row) as string, key, value, document.right, conflictsOf(row))
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
    !isRecord(row.json) || (!Object.hasOwn(row.json, "value") && typeof row.json.error !== "string")
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
