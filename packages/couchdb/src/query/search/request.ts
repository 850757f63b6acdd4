import * as Either from "effect/Either"
import type { DatabaseName } from "../../data/DatabaseName.js"
import { type InvalidIdError } from "../../data/errors.js"
import * as Json from "../../data/Json.js"
import { EncodeError } from "../../document/errors.js"
import type { CouchRequest } from "../../http/CouchHttp.js"
import type { ClouseauOptions, GroupOptions, Index, NouveauOptions } from "../Search.js"
import { locate } from "./index.js"

/** The options of both engines. The public types restrict them to those of each engine. */
export interface AnyOptions
  extends
    Omit<NouveauOptions, "ranges">,
    Omit<ClouseauOptions, "ranges">,
    Partial<Pick<GroupOptions, "groupField" | "groupLimit" | "groupSort">>
{
  readonly ranges?: unknown
}

const nouveauBody = (options: AnyOptions): Record<string, unknown> => ({
  q: options.query,
  locale: options.locale,
  limit: options.limit,
  top_n: options.topN,
  sort: options.sort,
  ranges: options.ranges,
  counts: options.counts,
  update: options.update,
  bookmark: options.bookmark,
  include_docs: options.includeDocs
})

const clouseauBody = (options: AnyOptions): Record<string, unknown> => ({
  q: options.query,
  limit: options.limit,
  sort: options.sort,
  ranges: options.ranges,
  counts: options.counts,
  drilldown: options.drilldown,
  stale: options.update === false ? "ok" : undefined,
  bookmark: options.bookmark,
  include_docs: options.includeDocs,
  include_fields: options.includeFields,
  highlight_fields: options.highlight?.fields,
  highlight_pre_tag: options.highlight?.before,
  highlight_post_tag: options.highlight?.after,
  highlight_number: options.highlight?.fragments,
  highlight_size: options.highlight?.size,
  group_field: options.groupField,
  group_limit: options.groupLimit,
  group_sort: options.groupSort
})

/** The request of a search. The query is sent in a body, because it may be long and would need escaping in a URL. */
export const searchRequest = (
  database: DatabaseName,
  index: Index<unknown, unknown>,
  options: AnyOptions
): Either.Either<CouchRequest, EncodeError | InvalidIdError> => {
  const body = index._tag === "Nouveau" ? nouveauBody(options) : clouseauBody(options)
  return Either.flatMap(
    locate(database, index, "", options.partition),
    (where) =>
      Either.mapBoth(Json.fromUnknown(body), {
        onLeft: ({ path, problem }) =>
          new EncodeError({ database, id: `_design/${index.design}`, issues: [{ path, expected: problem }] }),
        onRight: (json): CouchRequest => ({ ...where, method: "POST", idempotent: true, body: Json.stringify(json) })
      })
  )
}
