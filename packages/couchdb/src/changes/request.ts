import * as Duration from "effect/Duration"
import type { DatabaseName } from "../data/DatabaseName.js"
import * as DatabaseNames from "../data/DatabaseName.js"
import { functionName } from "../data/functionName.js"
import * as Json from "../data/Json.js"
import type { CouchRequest } from "../http/CouchHttp.js"
import type { DatabaseOptions, Filter } from "./Changes.js"

export type Feed = "normal" | "longpoll" | "continuous"

type Parameters = Readonly<Record<string, string | undefined>>

const flag = (on: boolean | undefined): string | undefined => on === true ? "true" : undefined

export const milliseconds = (duration: Duration.DurationInput | undefined): string | undefined =>
  duration === undefined ? undefined : String(Math.max(1, Math.round(Duration.toMillis(duration))))

/** The query parameters of a filter, and its body if it needs one. */
const filterParameters = (filter: Filter | undefined): { readonly query: Parameters; readonly body?: string } => {
  switch (filter?._tag) {
    case undefined:
      return { query: {} }
    case "Ids":
      return { query: { filter: "_doc_ids" }, body: Json.stringify({ doc_ids: filter.ids }) }
    case "Selector":
      return { query: { filter: "_selector" }, body: Json.stringify({ selector: filter.selector }) }
    case "DesignDocuments":
      return { query: { filter: "_design" } }
    case "View":
      return { query: { filter: "_view", view: functionName(filter.design, filter.view) } }
    case "Function":
      return { query: { ...filter.parameters, filter: functionName(filter.design, filter.name) } }
  }
}

/** Whether the filter runs user-defined code or a selector on the server, which may be broken. */
export const runsOnServer = (filter: Filter | undefined): boolean =>
  filter?._tag === "Function" || filter?._tag === "View" || filter?._tag === "Selector"

/** The request of a feed. The parameters of a filter cannot override those of the feed. */
export const changesRequest = (
  database: DatabaseName,
  feed: Feed,
  includeDocs: boolean,
  options: DatabaseOptions
): CouchRequest => {
  const { body, query } = filterParameters(options.filter)
  const parameters: Parameters = {
    ...query,
    feed: feed === "normal" ? undefined : feed,
    since: options.since,
    limit: options.limit === undefined ? undefined : String(options.limit),
    descending: flag(options.descending),
    include_docs: flag(includeDocs),
    conflicts: flag(options.conflicts),
    attachments: flag(options.attachments),
    att_encoding_info: flag(options.attachmentEncodingInfo),
    style: options.style,
    heartbeat: milliseconds(options.heartbeat),
    timeout: milliseconds(options.timeout),
    seq_interval: options.seqInterval === undefined ? undefined : String(options.seqInterval)
  }
  const parts = Object.entries(parameters).flatMap(([name, value]) =>
    value === undefined ? [] : [`${encodeURIComponent(name)}=${encodeURIComponent(value)}`]
  )
  return {
    method: body === undefined ? "GET" : "POST",
    path: `/${DatabaseNames.toPath(database)}/_changes${parts.length === 0 ? "" : `?${parts.join("&")}`}`,
    route: "/{db}/_changes",
    database,
    idempotent: true,
    ...(feed !== "normal" && { kind: "feed" as const }),
    ...(body !== undefined && { body })
  }
}
