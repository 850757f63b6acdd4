import { quote } from "../data/text.js"
import { decoded } from "./endpoint.js"
import type { ErrorResponse } from "./errors.js"

/** The middle and the end of an error message: what is wrong, and what to do. */
export interface Explanation {
  readonly problem: string
  readonly hint: string
}

/** The details of a response that an error message shows. */
export type ResponseDetails = Omit<ErrorResponse, "reason"> & { readonly reason: string }

/** Server and path of a request, without credentials. */
export const urlOf = ({ path, server = "" }: { readonly server?: string | undefined; readonly path: string }): string =>
  server + path

/** Method and URL of a request, and the document that the error is about if the URL does not name it. */
export const requestOf = (
  request: {
    readonly server?: string | undefined
    readonly method: string
    readonly path: string
    readonly id?: string | undefined
  }
): string => {
  const { id, method, path } = request
  const about = id === undefined || decoded(path).includes(id) ? "" : ` for ${quote(id)}`
  return `${method} ${urlOf(request)}${about}`
}

/** The server, as the last part of a phrase. */
export const atServer = ({ server }: { readonly server?: string | undefined }): string =>
  server === undefined ? "" : ` at ${server}`

/** A document, its database if that is known, and its server if a request was sent. */
export const placeOf = (
  { database, id, server }: { readonly server?: string | undefined; readonly database: string; readonly id: string }
): string => `${quote(id)}${database === "" ? "" : ` in ${quote(database)}`}${atServer({ server })}`

/** Removes the final period of CouchDB's reason, to embed it in a sentence. */
export const withoutPeriod = (text: string): string => text.replace(/\.\s*$/, "")

/** The message of an error response: request, problem, CouchDB's error and reason, and a hint. A HEAD has no reason. */
export const responseMessage = (details: ResponseDetails, { hint, problem }: Explanation): string => {
  const reason = details.reason === "" ? "" : `: ${withoutPeriod(details.reason)}`
  const cause = details.error === "unknown" && details.reason === "unknown" ? "" : ` ${details.error}${reason}`
  return `${requestOf(details)}: ${problem} (${details.status}${cause}). ${hint}`
}
