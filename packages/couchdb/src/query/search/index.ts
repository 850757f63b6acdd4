import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import type { DatabaseName } from "../../data/DatabaseName.js"
import type { InvalidIdError } from "../../data/errors.js"
import * as Json from "../../data/Json.js"
import type { CouchRequest } from "../../http/CouchHttp.js"
import { isObject, member, type Row } from "../../rows/row.js"
import type { Source } from "../../rows/source.js"
import type { Clouseau, Hit, Index, Nouveau } from "../Search.js"
import { codec, exactMember } from "../view/definition.js"
import { inDesign, pathIn } from "../view/request.js"
import { decodeMember, type Reading } from "../view/rows.js"

export const nouveau = <F, I, R>(
  { design, fields, index }: {
    readonly design: string
    readonly index: string
    readonly fields?: Schema.Schema<F, I, R> | undefined
  }
): Nouveau<F, R> => ({ _tag: "Nouveau", design, index, fields: codec(fields) })

export const clouseau = <F, I, R>(
  { design, fields, index }: {
    readonly design: string
    readonly index: string
    readonly fields?: Schema.Schema<F, I, R> | undefined
  }
): Clouseau<F, R> => ({ _tag: "Clouseau", design, index, fields: codec(fields) })

/** The member of a response that contains its hits. */
export const hitsOf = (index: Index<unknown, unknown>): "hits" | "rows" => index._tag === "Nouveau" ? "hits" : "rows"

/** The path of an index, or of its state. */
export const locate = (
  database: DatabaseName,
  index: Index<unknown, unknown>,
  what: "" | "_info",
  partition?: string | undefined
): Either.Either<Pick<CouchRequest, "path" | "route" | "database">, InvalidIdError> => {
  const endpoint = (index._tag === "Nouveau" ? "_nouveau" : "_search") + what
  return Either.flatMap(
    pathIn(database, partition),
    (outer) =>
      Either.map(inDesign(index.design, endpoint, index.index, "index"), (inner) => ({
        path: outer.path + inner,
        route: `${outer.route}/_design/{ddoc}/${endpoint}/{index}`,
        database
      }))
  )
}

const highlightsOf = (row: Row): Hit<unknown, unknown>["highlights"] => {
  const highlights = member(row.json, "highlights")
  return isObject(highlights)
    ? Object.fromEntries(Object.entries(highlights).map(([field, parts]) => [field, Array.isArray(parts) ? parts : []]))
    : {}
}

export const readingOf = <F, R, D, R2>(
  index: Index<F, R>,
  source: Source<D, R2>
): Reading<Hit<F, D>, R | R2> => ({
  problem: (row) => typeof member(row.json, "id") === "string" ? undefined : "a hit that names no document",
  concerns: (row) => source.concerns(member(row.json, "id") as string),
  read: (row) => {
    const id = member(row.json, "id") as string
    const order = exactMember(row, "order")
    return Effect.map(
      Effect.all([
        decodeMember(index.fields, row, "fields", { database: source.database, id }),
        source.document(row)
      ]),
      ([fields, document]) =>
        Data.tagged<Hit<F, D>>("Hit")({
          id,
          order: Json.isArray(order) ? order : [],
          fields,
          document,
          highlights: highlightsOf(row)
        })
    )
  }
})

/** Decodes counts and ranges, such as `{"type":{"sofa":10}}`. */
export const facetsOf = (
  json: Json.Json | undefined
): Option.Option<Readonly<Record<string, Record<string, number>>>> =>
  Json.isObject(json)
    ? Option.some(Object.fromEntries(
      Json.entries(json).map(([field, counts]) => [
        field,
        Json.isObject(counts)
          ? Object.fromEntries(Json.entries(counts).map(([value, count]) => [value, Number(count)]))
          : {}
      ])
    ))
    : Option.none()
