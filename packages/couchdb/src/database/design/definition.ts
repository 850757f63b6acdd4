import * as Either from "effect/Either"
import * as Json from "../../data/Json.js"
import { EncodeError } from "../../document/errors.js"
import type { Analyzer, Code, Content, Searchable } from "../DesignDocument.js"

const refuse = (name: string, path: ReadonlyArray<string>, expected: string): never => {
  throw new EncodeError({ database: "", id: `_design/${name}`, issues: [{ path, expected }] })
}

// The source text of a method is not an expression; that of every other function is.
const expression = (text: string): string =>
  /^(?:async\b|function\b|class\b|\(|[\w$]+\s*=>)/.test(text) ? text : `function ${text.replace(/^\S+?(?=\()/, "")}`

/** The source text of a function that runs on the server. */
const textOf = (name: string, path: ReadonlyArray<string>, code: Code): string => {
  if (typeof code === "string") return code
  const text = Function.prototype.toString.call(code)
  if (/\{\s*\[native code\]\s*\}\s*$/.test(text)) {
    return refuse(name, path, "is a native function, which has no source text")
  }
  if (/^(?:async\b|class\b|function\s*\*|\*)/.test(text)) {
    return refuse(name, path, "is not a plain function: CouchDB runs no classes, and no async or generator functions")
  }
  return expression(text)
}

type Members = ReadonlyArray<readonly [string, Json.Json]>

const group = (
  name: string,
  members: Readonly<Record<string, unknown>> | undefined
): Members => members === undefined || Object.keys(members).length === 0 ? [] : [[name, jsonOf(name, members)]]

const jsonOf = (name: string, value: unknown): Json.Json =>
  Either.getOrElse(Json.fromUnknown(value), ({ path, problem }) => refuse(name, path.map(String), problem))

const mapRecord = <A, B>(record: Readonly<Record<string, A>> | undefined, f: (value: A, key: string) => B) =>
  record === undefined
    ? undefined
    : Object.fromEntries(Object.entries(record).map(([key, value]) => [key, f(value, key)]))

const analyzers = ({ defaultAnalyzer, fieldAnalyzers }: Searchable): Readonly<Record<string, Analyzer>> => ({
  ...(defaultAnalyzer !== undefined && { default_analyzer: defaultAnalyzer }),
  ...(fieldAnalyzers !== undefined && { field_analyzers: fieldAnalyzers as Analyzer })
})

/** The stored document without `_id`. Its members are in the order of CouchDB's documentation. */
export const bodyOf = (name: string, content: Content): Json.JsonObject => {
  const text = (...path: ReadonlyArray<string>) => (code: Code, key?: string) =>
    textOf(name, key === undefined ? path : [...path, key], code)
  const views = mapRecord(content.views, ({ map, options, reduce }, key) => ({
    map: typeof map === "object" ? map : text("views", key, "map")(map),
    ...(reduce !== undefined && { reduce: text("views", key, "reduce")(reduce) }),
    ...(options !== undefined && { options })
  }))
  return Json.fromEntries([
    ["language", content.language ?? "javascript"],
    ...group("views", { ...(content.lib !== undefined && { lib: content.lib }), ...views }),
    ...group("filters", mapRecord(content.filters, text("filters"))),
    ...group("updates", mapRecord(content.updates, text("updates"))),
    ...(content.validate === undefined
      ? []
      : [["validate_doc_update", text("validate_doc_update")(content.validate)] as const]),
    ...group(
      "nouveau",
      mapRecord(content.nouveau, (search, key) => ({
        ...analyzers(search),
        index: text("nouveau", key)(search.index)
      }))
    ),
    ...group(
      "indexes",
      mapRecord(content.indexes, ({ analyzer, index }, key) => ({
        ...(analyzer !== undefined && { analyzer }),
        index: text("indexes", key)(index)
      }))
    ),
    ...group("options", {
      ...(content.partitioned !== undefined && { partitioned: content.partitioned }),
      ...content.options
    }),
    ...Object.entries(content.members ?? {}).map(([key, value]) => [key, jsonOf(name, value)] as const)
  ])
}
