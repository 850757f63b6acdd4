import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as DatabaseName from "../../data/DatabaseName.js"
import { InvalidIdError } from "../../data/errors.js"
import * as Json from "../../data/Json.js"
import { segmentProblem } from "../../data/path.js"
import { EncodeError } from "../../document/errors.js"
import type { IdSpan } from "../../document/idRange.js"
import type { CouchRequest } from "../../http/CouchHttp.js"
import type { AnyOptions, Bound, Codec, Place } from "../View.js"
import { nameOf } from "./definition.js"
import { encodeKey, encodePrefix } from "./keys.js"
import { prefixInIds, prefixInView, type Range } from "./ranges.js"

/** A query parameter. A `bare` parameter is sent as a plain string in a URL, the others as JSON. */
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

/** Proxies and servers limit the length of URLs. Longer queries are sent in a body. */
const maxUrlLength = 2_000

/** The parameters as a JSON body, which accepts the same parameters as the query string. */
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

/** The path and route of a database or of a partition. */
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

/** The path of a view, an index or a function of a design document. */
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

const pathOf = (place: Place): Either.Either<{ readonly path: string; readonly route: string }, InvalidIdError> =>
  place._tag === "Design"
    ? Either.map(inDesign(place.design, "_view", place.view, "view"), (path) => ({
      path,
      route: "/_design/{ddoc}/_view/{view}"
    }))
    : Either.right({ path: `/${nameOf(place)}`, route: `/${nameOf(place)}` })

/** The path of a view, in a database or in one of its partitions. */
export const locate = (
  database: DatabaseName.DatabaseName,
  place: Place,
  partition: string | undefined
): Either.Either<Pick<CouchRequest, "path" | "route" | "database">, InvalidIdError> =>
  Either.flatMap(pathIn(database, partition), (outer) =>
    Either.map(pathOf(place), (inner) => ({
      path: outer.path + inner.path,
      route: outer.route + inner.route,
      database
    })))

export const viewRequest = (
  where: Pick<CouchRequest, "path" | "route" | "database">,
  parameters: Parameters
): CouchRequest => {
  const query = queryOf(parameters)
  return where.path.length + query.length > maxUrlLength
    ? { ...where, method: "POST", idempotent: true, body: Json.stringify(bodyOf(parameters)) }
    : { ...where, method: "GET", path: query === "" ? where.path : `${where.path}?${query}` }
}

/** The options that exclude each other. CouchDB either rejects them or applies only the last one. */
const exclusive: ReadonlyArray<readonly [keyof AnyOptions<unknown>, ReadonlyArray<keyof AnyOptions<unknown>>]> = [
  ["prefix", ["key", "keys", "startKey", "endKey"]],
  ["keys", ["key", "startKey", "endKey"]],
  ["key", ["startKey", "endKey"]]
]

/** The issues of options that exclude each other. */
const exclusiveIssues = (options: AnyOptions<unknown>): EncodeError["issues"] =>
  exclusive.flatMap(([name, others]) => {
    const given = options[name] === undefined ? [] : others.filter((other) => options[other] !== undefined)
    return given.length === 0 ? [] : [{ path: [name], expected: `cannot be combined with ${given.join(" and ")}` }]
  })

/** The ids of a collection, to which a query of `_all_docs` is narrowed. */
export interface OwnIds {
  readonly span: IdSpan
  readonly concerns: (id: string) => boolean
}

const rangeOf = (
  place: Place,
  prefix: Json.Json | undefined,
  given: Range,
  ids: OwnIds | undefined,
  descending: boolean
): Range => {
  const range = prefix === undefined
    ? given
    : place._tag === "Design" || typeof prefix !== "string"
    ? prefixInView(prefix, descending)
    : prefixInIds(prefix, {}, descending)
  return ids === undefined || ids.span.prefix === "" ? range : prefixInIds(ids.span.prefix, range, descending)
}

/** The parameters of a query with encoded keys. For `_all_docs`, they are narrowed to `ids`. */
export const parametersOf = <K, R>(
  database: string,
  place: Place,
  key: Codec<K, R>,
  options: AnyOptions<K>,
  reduce: boolean,
  ids?: OwnIds
): Effect.Effect<Parameters, EncodeError, R> => {
  const where = { database, id: nameOf(place) }
  const issues = exclusiveIssues(options)
  if (issues.length > 0) return Effect.fail(new EncodeError({ ...where, issues }))
  const encodeOptional = (value: K | Bound | undefined): Effect.Effect<Json.Json | undefined, EncodeError, R> =>
    value === undefined ? Effect.succeed(undefined) : encodeKey(key, value, where)
  const ownIds = place._tag === "AllDocs" ? ids : undefined
  return Effect.map(
    Effect.all({
      key: encodeOptional(options.key),
      keys: options.keys === undefined
        ? Effect.succeed(undefined)
        : Effect.forEach(options.keys, (value) => encodeKey(key, value, where)),
      start: encodeOptional(options.startKey),
      end: encodeOptional(options.endKey),
      prefix: options.prefix === undefined ? Effect.succeed(undefined) : encodePrefix(options.prefix, where)
    }),
    ({ end, key, keys, prefix, start }) => {
      const descending = options.descending === true
      const byKey = key !== undefined || keys !== undefined
      const range = byKey
        ? {}
        : rangeOf(place, prefix, { start, end, inclusiveEnd: options.inclusiveEnd }, ownIds, descending)
      return [
        ...json("key", key),
        ...json(
          "keys",
          ownIds === undefined ? keys : keys?.filter((key) => typeof key !== "string" || ownIds.concerns(key))
        ),
        ...json("startkey", range.start),
        ...json("endkey", range.end),
        ...bare("startkey_docid", options.startKeyDocId),
        ...bare("endkey_docid", options.endKeyDocId),
        ...json("inclusive_end", byKey ? options.inclusiveEnd : range.inclusiveEnd),
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
    }
  )
}
