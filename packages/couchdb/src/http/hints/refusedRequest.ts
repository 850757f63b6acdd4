import { endpointOf } from "../endpoint.js"
import { type Explanation, type ResponseDetails } from "../errorMessage.js"
import { credentials, rules } from "./rules.js"

const explained = (said: ResponseDetails, problem: string, hint: string): Explanation => {
  const text = `${said.error}: ${said.reason}`
  const rule = rules.find(([says]) => says.test(text))
  return rule === undefined ? { problem, hint } : { problem: rule[1], hint: rule[2] }
}

const isWrite = ({ method, path }: ResponseDetails): boolean =>
  method === "PUT" || method === "DELETE" || method === "COPY" || /\/_(?:bulk_docs|update)\b/.test(path)

/** Explains the refusal of a document by a validation function or by CouchDB. */
const refused = (said: ResponseDetails): Explanation | undefined => {
  const { kind } = endpointOf(said)
  if (!isWrite(said)) return undefined
  switch (kind) {
    case "user":
      return {
        problem: "CouchDB does not accept this document of a user",
        hint: "Fix what the reason names. User.create writes one that CouchDB accepts."
      }
    case "replication document":
      return {
        problem: "CouchDB does not accept this document of a replication",
        hint: "Fix what the reason names. Replication.define writes one that CouchDB accepts."
      }
    case "document":
    case "design document":
    case "attachment":
      return {
        problem: "the server refused the document",
        hint: "The reason comes from a validation function (validate_doc_update of a design document), or from CouchDB."
      }
    default:
      return undefined
  }
}

export const unauthorized = (said: ResponseDetails, cookie: "hidden" | undefined): Explanation => {
  if (cookie === "hidden") {
    return {
      problem: "the login succeeded, but the server does not recognise the requests after it",
      hint: "A browser keeps the cookie of another origin only if requests include credentials: provide" +
        " FetchHttpClient.RequestInit with { credentials: \"include\" }, as Auth.session describes."
    }
  }
  // A HEAD has no reason.
  if (said.reason === "unknown") {
    return {
      problem: "no user was recognised, or the user lacks a permission",
      hint: `Check user and password (${credentials}), and the database's security object (Database.security).`
    }
  }
  const { hint, problem } = refused(said) ?? {
    problem: "the server does not accept the credentials",
    hint: `Check user and password (${credentials}).`
  }
  return explained(said, problem, hint)
}

export const forbidden = (said: ResponseDetails): Explanation => {
  const { hint, problem } = refused(said) ?? {
    problem: "the server forbids it",
    hint: "Check the database's security object (Database.security), and the server's configuration."
  }
  return explained(said, problem, hint)
}

export const badRequest = (said: ResponseDetails): Explanation =>
  said.status === 409
    ? { problem: "the request conflicts with what the server has", hint: "The reason says with what." }
    : explained(said, "the server does not accept the request", "The reason says which part of it.")

export const preconditionFailed = (said: ResponseDetails): Explanation =>
  said.error === "file_exists"
    ? { problem: "the database exists already", hint: "Database.ensure creates it only if it does not exist." }
    : explained(said, "a precondition of the request is not met", "The reason says which one.")

export const serverFailed = (said: ResponseDetails): Explanation =>
  explained(said, "the server failed", "See the server's log.")

export const tooLarge = ({ error }: ResponseDetails): Explanation => {
  const [what, option] = error === "attachment_too_large"
    ? ["the attachment", "max_attachment_size in [couchdb]"]
    : error === "document_too_large"
    ? ["the document", "max_document_size in [couchdb]"]
    : ["the request", "max_http_request_size in [chttpd]"]
  return { problem: `${what} is larger than CouchDB accepts`, hint: `Make it smaller, or raise ${option}.` }
}
