/** The resource that the path of a request names. */
export type Endpoint =
  | { readonly kind: "server" | "session" | "replication" | "resharding job" | "node" | "database" | "other" }
  | { readonly kind: Named; readonly name: string }
  | { readonly kind: InDesign; readonly design: string; readonly name: string }

type Named =
  | "document"
  | "design document"
  | "local document"
  | "user"
  | "replication document"
  | "attachment"
  | "configuration option"
  | "index"
  | "security object"
  | "partition"

type InDesign =
  | "view"
  | "show function"
  | "list function"
  | "update function"
  | "search index"
  | "filter"
  | "rewrite rule"

const inDesign: { readonly [segment: string]: InDesign } = {
  _view: "view",
  _show: "show function",
  _list: "list function",
  _update: "update function",
  _search: "search index",
  _search_info: "search index",
  _nouveau: "search index",
  _nouveau_info: "search index",
  _rewrite: "rewrite rule"
}

const userPrefix = "org.couchdb.user:"

/** Decodes percent-encoded text, or returns it unchanged if the encoding is invalid. */
export const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const ofServer = ([first, second, third, ...rest]: ReadonlyArray<string>): Endpoint => {
  switch (first) {
    case "_session":
      return { kind: "session" }
    case "_replicate":
      return { kind: "replication" }
    case "_scheduler":
      return second === "docs" && rest.length > 0
        ? { kind: "replication document", name: rest.join("/") }
        : { kind: "server" }
    case "_reshard":
      return { kind: third === undefined ? "server" : "resharding job" }
    case "_node":
      return third === "_config" && rest.length > 0
        ? { kind: "configuration option", name: rest.join("/") }
        : { kind: "node" }
    default:
      return { kind: "server" }
  }
}

const ofDocument = (database: string, id: string): Endpoint =>
  id.startsWith("_design/")
    ? { kind: "design document", name: id.slice("_design/".length) }
    : database === "_users" && id.startsWith(userPrefix)
    ? { kind: "user", name: id.slice(userPrefix.length) }
    : /(?:^|\/)_replicator$/.test(database)
    ? { kind: "replication document", name: id }
    : { kind: "document", name: id }

/** The function of a design document that selects the changes of a feed. */
const ofChanges = (query: URLSearchParams): Endpoint => {
  const view = query.get("view")
  const [design = "", name] = (query.get("filter") === "_view" ? view : query.get("filter"))?.split("/") ?? []
  return name === undefined ? { kind: "other" } : { kind: view === null ? "filter" : "view", design, name }
}

const ofDatabase = (database: string, segments: ReadonlyArray<string>, query: URLSearchParams): Endpoint => {
  const [first, second = "", third, fourth = ""] = segments
  switch (first) {
    case undefined:
    case "":
      return { kind: "database" }
    case "_partition":
      return segments.length > 2
        ? ofDatabase(database, segments.slice(2), query)
        : { kind: "partition", name: second }
    case "_design": {
      const kind = third === undefined ? undefined : inDesign[third]
      return kind !== undefined
        ? { kind, design: second, name: fourth }
        : third === undefined || third.startsWith("_")
        ? { kind: "design document", name: second }
        : { kind: "attachment", name: segments.slice(2).join("/") }
    }
    case "_local":
      return { kind: "local document", name: second }
    case "_index":
      return segments.length > 1 ? { kind: "index", name: segments.slice(-1).join() } : { kind: "other" }
    case "_changes":
      return ofChanges(query)
    case "_security":
      return { kind: "security object", name: database }
    default:
      return first.startsWith("_") && !first.startsWith("_design/")
        ? { kind: "other" }
        : second === ""
        ? ofDocument(database, first)
        : { kind: "attachment", name: segments.slice(1).join("/") }
  }
}

/** System databases, whose names begin with an underscore as the server's endpoints do. */
const system = /^_(?:users|replicator|global_changes|dbs|nodes)$/

/**
 * The resource of a request, from its path. If a request is about several documents, such as the rows of `_bulk_docs`,
 * the `id` of the error names the document.
 */
export const endpointOf = ({ database, id, path }: {
  readonly path: string
  readonly database?: string | undefined
  readonly id?: string | undefined
}): Endpoint => {
  const [route = "", query = ""] = path.split(/\?(.*)/s)
  const segments = route.split("/").slice(1).map(decoded)
  const [first = "", ...rest] = segments
  if (first === "" || (first.startsWith("_") && !system.test(first))) return ofServer(segments)
  const endpoint = ofDatabase(first, rest, new URLSearchParams(query))
  return endpoint.kind === "other" && id !== undefined && database !== undefined ? ofDocument(database, id) : endpoint
}
