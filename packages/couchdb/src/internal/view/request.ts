import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { type EncodeError, InvalidIdError } from "../../CouchError.js"
import type { CouchRequest } from "../../CouchHttp.js"
import * as DatabaseName from "../../DatabaseName.js"
import * as Json from "../../Json.js"
import type { AnyOptions, Bound, Codec, Place } from "../../View.js"
import { segmentProblem } from "../segment.js"
import { nameOf } from "./describe.js"
import { behindPrefix, encodeKey, high } from "./keys.js"

/** One parameter: JSON, and whether the query takes a text as it is instead of as JSON. */
export interface Parameter {
  readonly name: string
  readonly value: Json.Json
  readonly bare?: boolean
}

export type Parameters = ReadonlyArray<Parameter>

export const json = (name: string, value: Json.Json | undefined): Parameters =>
  value === undefined ? [] : [{ name, value }]

export const bare = (name: string, value: string | undefined): Parameters =>
  value === undefined ? [] : [{ name, value, bare: true }]

/** Proxies and servers take URLs of some length only. What is longer goes in a body. */
const longestQuery = 2_000

/** The parameters as a body, in which a view takes all that its query takes. */
export const bodyOf = (parameters: Parameters): Json.JsonObject =>
  Json.fromEntries(parameters.map(({ name, value }) => [name, value]))

export const queryOf = (parameters: Parameters): string =>
  parameters.map(({ bare, name, value }) =>
    `${name}=${encodeURIComponent(bare === true ? String(value) : Json.stringify(value))}`
  ).join("&")

const segment = (
  value: string,
  kind: InvalidIdError["kind"]
): Either.Either<string, InvalidIdError> => {
  const problem = segmentProblem(value)
  return problem === undefined
    ? Either.right(encodeURIComponent(value))
    : Either.left(new InvalidIdError({ kind, value, problem }))
}

/** The path of a partition, or of the whole database, and its route. */
export const pathIn = (
  database: DatabaseName.DatabaseName,
  partition: string | undefined
): Either.Either<{ readonly path: string; readonly route: string }, InvalidIdError> => {
  const path = `/${DatabaseName.toPath(database)}`
  return partition === undefined
    ? Either.right({ path, route: "/{db}" })
    : Either.map(segment(partition, "partition"), (partition) => ({
      path: `${path}/_partition/${partition}`,
      route: "/{db}/_partition/{partition}"
    }))
}

/** The path of something in a design document: a view or a search index. */
export const inDesign = (
  design: string,
  kind: string,
  name: string,
  nameKind: InvalidIdError["kind"]
): Either.Either<string, InvalidIdError> =>
  Either.flatMap(
    segment(design, "design document"),
    (design) => Either.map(segment(name, nameKind), (name) => `/_design/${design}/${kind}/${name}`)
  )

const below = (place: Place): Either.Either<{ readonly path: string; readonly route: string }, InvalidIdError> =>
  place._tag === "Design"
    ? Either.map(inDesign(place.design, "_view", place.view, "view"), (path) => ({
      path,
      route: "/_design/{ddoc}/_view/{view}"
    }))
    : Either.right({ path: `/${nameOf(place)}`, route: `/${nameOf(place)}` })

/** Where a view is, in a database or in one of its partitions. */
export const locate = (
  database: DatabaseName.DatabaseName,
  place: Place,
  partition: string | undefined
): Either.Either<Pick<CouchRequest, "path" | "route" | "database">, InvalidIdError> =>
  Either.flatMap(pathIn(database, partition), (outer) =>
    Either.map(below(place), (inner) => ({
      path: outer.path + inner.path,
      route: outer.route + inner.route,
      database
    })))

export const viewRequest = (
  where: Pick<CouchRequest, "path" | "route" | "database">,
  parameters: Parameters
): CouchRequest => {
  const query = queryOf(parameters)
  return where.path.length + query.length > longestQuery
    ? { ...where, method: "POST", safe: true, body: Json.stringify(bodyOf(parameters)) }
    : { ...where, method: "GET", path: query === "" ? where.path : `${where.path}?${query}` }
}

/** What begins with a prefix: exactly so among ids, which sort by their bytes; in a view as its collation has it. */
const prefixed = (place: Place, prefix: string | ReadonlyArray<unknown>, descending: boolean): Parameters => {
  const [low, top, inclusive]: readonly [Json.Json, Json.Json | undefined, boolean] = typeof prefix !== "string"
    ? [prefix as ReadonlyArray<Json.Json>, [...prefix as ReadonlyArray<Json.Json>, high], true]
    : place._tag === "Design"
    ? [prefix, `${prefix}\uffff`, true]
    : [prefix, behindPrefix(prefix), false]
  // No request can say "from behind this one on" downwards, so a descending range begins at the last text there is.
  return descending
    ? [...json("startkey", inclusive ? top : prefix + "\u{10ffff}".repeat(4)), ...json("endkey", low)]
    : [...json("startkey", low), ...json("endkey", top), ...json("inclusive_end", inclusive ? undefined : false)]
}

/** The parameters of a query, its keys encoded. */
export const parametersOf = <K, R>(
  database: string,
  place: Place,
  key: Codec<K, R>,
  options: AnyOptions<K>,
  reduce: boolean
): Effect.Effect<Parameters, EncodeError, R> => {
  const where = { database, id: nameOf(place) }
  const encoded = (name: string, value: K | Bound | undefined): Effect.Effect<Parameters, EncodeError, R> =>
    value === undefined ? Effect.succeed([]) : Effect.map(encodeKey(key, value, where), (value) => [{ name, value }])
  const keys: Effect.Effect<Parameters, EncodeError, R> = options.keys === undefined
    ? Effect.succeed([])
    : Effect.map(
      Effect.forEach(options.keys, (one) => encodeKey(key, one, where)),
      (value) => [{ name: "keys", value }]
    )
  return Effect.map(
    Effect.all([
      encoded("key", options.key),
      keys,
      encoded("startkey", options.startKey),
      encoded("endkey", options.endKey)
    ]),
    (ranges) => [
      ...(options.prefix === undefined ? [] : prefixed(place, options.prefix, options.descending === true)),
      ...ranges.flat(),
      ...bare("startkey_docid", options.startKeyDocId),
      ...bare("endkey_docid", options.endKeyDocId),
      ...json("inclusive_end", options.inclusiveEnd),
      ...json("descending", options.descending),
      ...json("skip", options.skip),
      ...json("limit", options.limit),
      ...json("reduce", place._tag === "Design" ? reduce : undefined),
      ...json("group", options.group),
      ...json("group_level", options.groupLevel),
      ...json("stable", options.stable),
      ...bare("update", options.update === undefined ? undefined : String(options.update)),
      ...json("sorted", options.sorted),
      ...json("update_seq", options.updateSeq),
      ...json("include_docs", options.includeDocs === false ? undefined : options.includeDocs),
      ...json("conflicts", options.conflicts),
      ...json("attachments", options.attachments),
      ...json("att_encoding_info", options.attachmentEncodingInfo)
    ]
  )
}
