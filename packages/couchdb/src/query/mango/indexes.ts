import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as DatabaseName from "../../data/DatabaseName.js"
import { InvalidIdError } from "../../data/errors.js"
import * as Json from "../../data/Json.js"
import { documentPath, segmentProblem } from "../../data/path.js"
import { isCollection } from "../../document/Collection.js"
import { type EncodeError } from "../../document/errors.js"
import { conflictAsBadRequest } from "../../http/conflictMapping.js"
import { CouchHttp, type CouchRequest } from "../../http/CouchHttp.js"
import { executeDecoded } from "../../http/executeDecoded.js"
import { readJson } from "../../http/rawDocument.js"
import type * as Transport from "../../http/Transport.js"
import type { RowsError } from "../../rows/stream.js"
import type { Explanation, Index } from "../Mango.js"
import { type AnyQuery, encoded, queryRequest } from "./request.js"
import { type Given, prepareQuery } from "./source.js"

const databaseOf = (given: Given): Either.Either<DatabaseName.DatabaseName, InvalidIdError> =>
  isCollection(given) ? Either.right(given.database) : DatabaseName.decode(given)

const textOf = (response: Transport.BufferedResponse): string =>
  typeof response.body === "string" ? response.body : new TextDecoder().decode(response.body)

/** Sends a request and decodes its response as exact JSON. */
const sendDecoded = <A extends {}>(
  request: CouchRequest,
  read: (json: Json.Json) => A | undefined
): Effect.Effect<A, RowsError, CouchHttp> =>
  Effect.flatMap(
    CouchHttp,
    (couch) =>
      conflictAsBadRequest(executeDecoded(couch, request, (response) =>
        Either.fromNullable(
          Option.getOrUndefined(
            Option.flatMapNullable(Option.fromNullable(readJson(textOf(response))), ({ exact }) => read(exact))
          ),
          () => "the response is not what CouchDB's endpoint returns"
        )))
  )

const text = (json: Json.Json | undefined): string | undefined => typeof json === "string" ? json : undefined

const object = (json: Json.Json | undefined): Option.Option<Json.JsonObject> =>
  Json.isObject(json) ? Option.some(json) : Option.none()

/** `{"name":"asc"}`; a text index has a type instead of a direction. */
const fieldOf = (json: Json.Json): Index["fields"] =>
  Json.isObject(json)
    ? Json.entries(json).map(([path, direction]) => ({ path, direction: direction === "desc" ? "desc" : "asc" }))
    : typeof json === "string"
    ? [{ path: json, direction: "asc" }]
    : []

const indexOf = (json: Json.Json | undefined): Index | undefined => {
  const name = text(Json.get(json, "name"))
  const definition = Json.get(json, "def")
  if (name === undefined) return undefined
  const fields = Json.get(definition, "fields")
  const partitioned = Json.get(json, "partitioned")
  return {
    design: Option.map(
      Option.fromNullable(text(Json.get(json, "ddoc"))),
      (id) => id.replace(/^_design\//, "")
    ),
    name,
    type: text(Json.get(json, "type")) ?? "unknown",
    fields: Json.isArray(fields) ? fields.flatMap(fieldOf) : [],
    partitioned: typeof partitioned === "boolean" ? Option.some(partitioned) : Option.none(),
    partialFilter: object(Json.get(definition, "partial_filter_selector"))
  }
}

export const list = (given: Given) =>
  Effect.flatMap(databaseOf(given), (database) =>
    sendDecoded(
      { method: "GET", path: `${documentPath(database)}/_index`, route: "/{db}/_index", database },
      (json) => {
        const indexes = Json.get(json, "indexes")
        if (!Json.isArray(indexes)) return undefined
        const all = indexes.map(indexOf)
        return all.includes(undefined) ? undefined : all as ReadonlyArray<Index>
      }
    ))

export const create = (
  given: Given,
  options: {
    readonly fields: ReadonlyArray<unknown>
    readonly name?: string | undefined
    readonly design?: string | undefined
    readonly partialFilter?: unknown
    readonly partitioned?: boolean | undefined
  }
) => {
  const body = (database: DatabaseName.DatabaseName): Either.Either<string, EncodeError> =>
    encoded(database, "_index", {
      index: { fields: options.fields, partial_filter_selector: options.partialFilter },
      name: options.name,
      ddoc: options.design,
      type: "json",
      partitioned: options.partitioned
    })
  return Effect.gen(function*() {
    const database = yield* databaseOf(given)
    return yield* sendDecoded(
      {
        method: "POST",
        path: `${documentPath(database)}/_index`,
        route: "/{db}/_index",
        database,
        body: yield* body(database),
        idempotent: true
      },
      (json) => {
        const id = text(Json.get(json, "id"))
        const name = text(Json.get(json, "name"))
        return id === undefined || name === undefined
          ? undefined
          : { design: id.replace(/^_design\//, ""), name, created: text(Json.get(json, "result")) === "created" }
      }
    )
  })
}

const segment = (value: string, kind: InvalidIdError["kind"]): Either.Either<string, InvalidIdError> => {
  const problem = segmentProblem(value)
  return problem === undefined
    ? Either.right(encodeURIComponent(value))
    : Either.left(new InvalidIdError({ kind, value, problem }))
}

export const remove = (
  given: Given,
  index: { readonly design: string; readonly name: string; readonly type?: string | undefined }
) =>
  Effect.gen(function*() {
    const database = yield* databaseOf(given)
    const design = yield* segment(index.design, "design document")
    const type = yield* segment(index.type ?? "json", "index")
    const name = yield* segment(index.name, "index")
    return yield* sendDecoded(
      {
        method: "DELETE",
        path: `${documentPath(database)}/_index/${design}/${type}/${name}`,
        route: "/{db}/_index/{ddoc}/{type}/{name}",
        database
      },
      (json) => Json.get(json, "ok") === true ? true : undefined
    ).pipe(Effect.asVoid)
  })

export const explain = (given: Given, query: AnyQuery) =>
  Effect.gen(function*() {
    const database = yield* databaseOf(given)
    const request = yield* queryRequest(database, "_explain", prepareQuery(given, query))
    return yield* sendDecoded(request, (json): Explanation | undefined => {
      const index = indexOf(Json.get(json, "index"))
      const covering = Json.get(json, "covering")
      const candidates = Json.get(json, "index_candidates")
      return index === undefined || !Json.isObject(json) ? undefined : {
        index,
        covering: covering === true,
        candidates: Json.isArray(candidates)
          ? candidates.flatMap((candidate) => indexOf(Json.get(candidate, "index")) ?? [])
          : [],
        response: json
      }
    })
  })
