import { quote } from "../data/text.js"
import { decoded } from "./endpoint.js"
import type { Answer } from "./errors.js"

/** The middle and the end of an error message: what is wrong, and what to do. */
export interface Explanation {
  readonly problem: string
  readonly hint: string
}

/** What a response said. */
export type Said = Omit<Answer, "reason"> & { readonly reason: string }

/** Server and path of a request, without credentials. */
export const urlOf = ({ path, server = "" }: { readonly server?: string | undefined; readonly path: string }): string =>
  server + path

/** Method and URL of a request, and the document that the failure is about if the URL does not name it. */
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

/** The server, as the end of a phrase. */
export const atServer = ({ server }: { readonly server?: string | undefined }): string =>
  server === undefined ? "" : ` at ${server}`

/** A document, its database if that is known, and its server if a request was sent. */
export const placeOf = (
  { database, id, server }: { readonly server?: string | undefined; readonly database: string; readonly id: string }
): string => `${quote(id)}${database === "" ? "" : ` in ${quote(database)}`}${atServer({ server })}`

/** A sentence of CouchDB's, as part of another one. */
export const withoutPeriod = (text: string): string => text.replace(/\.\s*$/, "")

/** Request, problem, CouchDB's own words, and hint of an error that a response caused. A HEAD has no words. */
export const say = (said: Said, { hint, problem }: Explanation): string => {
  const reason = said.reason === "" ? "" : `: ${withoutPeriod(said.reason)}`
  const words = said.error === "unknown" && said.reason === "unknown" ? "" : ` ${said.error}${reason}`
  return `${requestOf(said)}: ${problem} (${said.status}${words}). ${hint}`
}
