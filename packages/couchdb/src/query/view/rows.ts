import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { type ParseIssue } from "effect/ParseResult"
import type * as Json from "../../data/Json.js"
import * as Revision from "../../data/Revision.js"
import { unfit } from "../../document/compiledDecoder.js"
import { DecodeError } from "../../document/errors.js"
import { failWithServer } from "../../http/failWithServer.js"
import { schemaIssues } from "../../http/schemaIssues.js"
import { type Members, type Row } from "../../rows/row.js"
import type { Source } from "../../rows/source.js"
import type { Codec, Group, Place, Reduced, Refused, Row as ViewRow, View } from "../View.js"
import { exactMember, type SyncDecode } from "./definition.js"

/**
 * Decodes rows.
 *
 * - `problem`: why an element is not a valid row
 * - `concerns`: whether the row belongs to a document of the source
 * - `read`: decodes a row
 * - `readSync`: decodes a row without an effect, or returns `undefined` if this requires `read`
 */
export interface Reading<Out, R> {
  readonly problem: (row: Row) => string | undefined
  readonly concerns: (row: Row) => boolean
  readonly read: (row: Row) => Effect.Effect<Out, DecodeError, R>
  readonly readSync?: (row: Row) => Out | DecodeError | undefined
}

const isRecord = (json: unknown): json is Members => typeof json === "object" && json !== null && !Array.isArray(json)

/** The members of a row. `problem` has checked that it is an object. */
const membersOf = (row: Row): Members => row.json as Members

/** The members of a value that may be missing or not an object. */
const maybeMembers = (json: unknown): Members | undefined => (json ?? undefined) as Members | undefined

const makeRefused = Data.tagged<Refused>("Refused")

/** A row with an error, such as a key without a document. */
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
  const found = maybeMembers(doc)?._rev ?? maybeMembers(value)?.rev
  return typeof found === "string" ? found : ""
}

/**
 * Decodes a member. If the schema requires no effect, the result is an `Either`, which callers use without running a
 * fiber.
 */
export const decodeMember = <A, R>(
  codec: Codec<A, R>,
  row: Row,
  name: string,
  where: { readonly database: string; readonly id: string }
): Effect.Effect<A, DecodeError, R> => {
  const fail = (issues: DecodeError["issues"], issue: unknown): Effect.Effect<never, DecodeError> =>
    failWithServer((from) =>
      new DecodeError({
        ...from,
        ...where,
        rev: revisionIn(row),
        issues: issues.map(({ expected, path }) => ({ path: [name, ...path], expected }))
      }, issue)
    )
  const failWith = (issue: ParseIssue): Effect.Effect<never, DecodeError> => fail(schemaIssues(issue), issue)
  try {
    const decoded = codec.decode(row, name)
    if (!Either.isEither(decoded)) return Effect.catchAll(decoded, failWith)
    const either = decoded as Either.Either<A, ParseIssue>
    return Either.isRight(either) ? Either.right(either.right) : failWith(either.left)
  } catch (error) {
    const expected = `the schema threw ${error instanceof Error ? error.name : "a value"}`
    return fail([{ path: [], expected }], error)
  }
}

/** Combines two results. If both are `Either`s, so is the result. */
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

/** Decodes a member without an effect, or returns `unfit`. */
const decodeMemberSync = <A, R>(codec: Codec<A, R>, row: Row, name: "key" | "value"): A | typeof unfit => {
  const { decodeSync } = codec as Partial<SyncDecode<A>>
  try {
    return decodeSync === undefined ? unfit : decodeSync(membersOf(row)[name], row, name)
  } catch {
    return unfit
  }
}

const noConflicts: ReadonlyArray<Revision.Revision> = []

const conflictsOf = (row: Row): ReadonlyArray<Revision.Revision> => {
  const conflicts = maybeMembers(membersOf(row).doc)?._conflicts
  return Array.isArray(conflicts) ? conflicts.filter(Revision.isRevision) : noConflicts
}

const idOf = (row: Row): string | undefined => {
  const { id } = membersOf(row)
  return typeof id === "string" ? id : undefined
}

// Same result as `Data.tagged`, but assigns each member directly: rows are created in large numbers.
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

/** The id of the document that a row includes. A value with an `_id` links to another document. */
const documentIdOf = (row: Row): string | undefined => {
  const linked = maybeMembers(membersOf(row).value)?._id
  return typeof linked === "string" ? linked : idOf(row)
}

/** Whether a row belongs to a document of the source. Lists of local and of design documents are not filtered. */
const concernsRow = (place: Place, source: Source<unknown, unknown>) => (row: Row): boolean => {
  if (source.span === undefined || place._tag === "DesignDocs" || place._tag === "LocalDocs") return true
  // A row for a missing document has no id; its key is the id.
  const id = place._tag === "Design" ? documentIdOf(row) : idOf(row) ?? membersOf(row).key
  return typeof id !== "string" || source.concerns(id)
}

/** Decodes the rows of a view that is not reduced. */
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
  readSync: (row) => {
    const refused = refusedOf(row)
    if (refused !== undefined) return refused
    const key = decodeMemberSync(view.key, row, "key")
    if (key === unfit) return undefined
    const value = decodeMemberSync(view.value, row, "value")
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

/** Decodes the rows of a reduced view: one for all documents, or one for each group of keys. */
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

/** The value of a numeric member of a response. */
export const numberOf = (json: Json.Json | undefined): Option.Option<number> =>
  typeof json === "number" ? Option.some(json) : Option.none()
