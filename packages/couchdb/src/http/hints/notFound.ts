import { quote } from "../../data/text.js"
import { type Endpoint, endpointOf } from "../endpoint.js"
import type { Explanation, ResponseDetails } from "../errorMessage.js"

/** A response that reports something as missing, and what is known about the request. */
interface Missing extends ResponseDetails {
  readonly operation?: string | undefined
  readonly attachments?: ReadonlyArray<string> | undefined
}

const checkDesign = "Deploy it (DesignDocument.deploy), or check its name."

const checkDatabase = "Create it (Database.create, Database.ensure), or check its name and COUCHDB_URL."

/** The hints of endpoints that need no other information. */
const hints: { readonly [kind in Endpoint["kind"]]?: string } = {
  "local document": "Use LocalDocument.fetchOption if it may not exist.",
  user: "Use User.fetchOption if it may not exist. CouchDB shows other users to server admins only.",
  "replication document": "Replication.define creates it. The server's scheduler needs a moment to see a new one.",
  "design document": checkDesign,
  index: "Mango.indexes lists the indexes of the database.",
  "resharding job": "Server.reshardJobs lists those that exist.",
  node: "Server.membership lists the nodes.",
  database: checkDatabase
}

const described = (endpoint: Endpoint): string => {
  switch (endpoint.kind) {
    case "user":
    case "attachment":
    case "view":
    case "filter":
    case "list function":
    case "show function":
    case "update function":
    case "search index":
    case "configuration option":
      return `the ${endpoint.kind} ${quote(endpoint.name)}`
    case "other":
    case "server":
    case "session":
    case "node":
      return "what the path names"
    default:
      return `the ${endpoint.kind}`
  }
}

const isOrWas = (reason: string): string => reason === "deleted" ? "was deleted" : "does not exist"

const database = (said: Missing, { kind }: Endpoint): Explanation => {
  const problem = "the database does not exist"
  return said.path.startsWith("/_") && said.database === undefined && kind === "server"
    ? { problem: "the server does not have this endpoint", hint: "Check the path, and the server's version." }
    : kind === "database" && said.method === "DELETE"
    ? { problem, hint: "Nothing was deleted. Check its name, and COUCHDB_URL." }
    : { problem, hint: checkDatabase }
}

const document = (said: Missing, problem: string): Explanation => {
  const { method, operation, path, reason } = said
  if (operation === "update") return { problem, hint: "Use Document.upsert to create it if it does not exist." }
  if (/[?&]rev=/.test(path) && method === "GET") {
    return {
      problem: reason === "deleted" ? problem : "the document, or this revision of it, is not stored",
      hint: "Compaction removes the bodies of old revisions. Document.fetch without `rev` reads the current one."
    }
  }
  if (method === "COPY") return { problem, hint: "There is nothing to copy." }
  if (method === "PUT") return { problem, hint: "Nothing was written. Read it again with Document.fetchOption." }
  return reason === "unknown"
    ? {
      problem: "the document, or its database, does not exist",
      hint: "Use Document.exists if it may not exist, and check the name of the database."
    }
    : { problem, hint: "Use Document.fetchOption if it may not exist, or Document.upsert to create it." }
}

const replication = ({ error }: Missing): Explanation =>
  error === "db_not_found"
    ? {
      problem: "the source or the target of the replication does not exist",
      hint: "Check their names and URLs, or let the replication create the target (createTarget)."
    }
    : { problem: "no such replication is running", hint: "Replication.jobs lists those that are." }

const maxNames = 20

/** The names of attachments, as a sentence. */
const listOf = (names: ReadonlyArray<string>): string => {
  if (names.length === 0) return "It has no attachments."
  const more = names.length > maxNames ? `, and ${names.length - maxNames} more` : ""
  return `It has ${names.slice(0, maxNames).map(quote).join(", ")}${more}.`
}

const attachment = ({ attachments, reason }: Missing, name: string): Explanation =>
  reason === "Document is missing attachment" || reason === "unknown"
    ? {
      problem: reason === "unknown"
        ? `the attachment ${quote(name)}, or its document, does not exist`
        : `the document has no attachment ${quote(name)}`,
      hint: attachments === undefined
        ? "The keys of `attachments` of the document are the names of its attachments (Document.fetch)."
        : listOf(attachments)
    }
    : { problem: `the document ${isOrWas(reason)}`, hint: "Check its id." }

const designFunction = (
  { reason }: Missing,
  { design, kind, name }: { readonly design: string; readonly kind: string; readonly name: string }
): Explanation => {
  const owner = `the design document ${quote(`_design/${design}`)}`
  return reason === "missing" || reason === "deleted"
    ? { problem: `${owner} ${isOrWas(reason)}`, hint: checkDesign }
    : {
      problem: `${owner} has no ${kind} ${quote(name)}`,
      hint: `Deploy it with this ${kind} (DesignDocument.deploy), or check the name.`
    }
}

/** Explains a 404 by the endpoint that reported it. */
export const notFound = (said: Missing): Explanation => {
  const { method, reason } = said
  const endpoint = endpointOf(said)
  if (reason === "Database does not exist.") return database(said, endpoint)
  const problem = `${described(endpoint)} ${isOrWas(reason)}`
  if (method === "DELETE" && endpoint.kind !== "database") return { problem, hint: "There is nothing to delete." }
  switch (endpoint.kind) {
    case "document":
      return document(said, problem)
    case "replication":
      return replication(said)
    case "attachment":
      return attachment(said, endpoint.name)
    case "view":
    case "filter":
    case "list function":
    case "show function":
    case "update function":
    case "search index":
      return designFunction(said, endpoint)
    case "rewrite rule":
      return { problem: "no rewrite rule of the design document matches", hint: "Check the path and the rules." }
    case "configuration option":
      return {
        problem: `the configuration has no ${quote(endpoint.name)}`,
        hint: "An option that is not set has its default."
      }
    default:
      return {
        problem,
        hint: hints[endpoint.kind] ?? "Check the path, and that COUCHDB_URL is the URL of a CouchDB."
      }
  }
}
