import type { Explanation } from "../errorMessage.js"

/** Whether a method only reads. */
const isRead = (method: string): boolean => method === "GET" || method === "HEAD"

/** Explains a response that is not CouchDB's, or not the expected one. */
export const unexpectedResponse = (said: {
  readonly method: string
  readonly path: string
  readonly status: number
  readonly contentType?: string | undefined
  readonly responder?: string | undefined
  readonly problem: string
}): Explanation => {
  if (said.problem === hiddenCookie) {
    return {
      problem: `the login succeeded (${said.status}), but its cookie cannot be read here`,
      hint: "A browser keeps cookies to itself: use Auth.session instead of Session.login there."
    }
  }
  const responder = said.responder === undefined ? "no Server header" : `Server: ${said.responder}`
  const isCouch = /^couchdb\//i.test(said.responder ?? "")
  const problem = `${
    isCouch ? "the response is not the expected one" : "something other than CouchDB answered"
  } (${said.status}, ${said.contentType ?? "no content type"}, ${responder}): ${said.problem}`
  if (said.status === 413) {
    return {
      problem,
      hint: "The request is larger than the limit of a proxy: raise it (nginx: client_max_body_size)."
    }
  }
  if (said.problem === tlsPort) {
    return { problem, hint: "Use https:// in the URL. The request was not carried out." }
  }
  const isRedirect = said.status === 0 || (said.status >= 300 && said.status < 400) ||
    said.problem.startsWith("redirected to ")
  const hint = isRedirect
    ? "Check that the URL is CouchDB's own, and that no login page or redirect is in front of it."
    : isCouch
    ? "Check the server's version, and the proxies between here and CouchDB, which may change responses."
    : "Check the proxy, load balancer or login page between here and CouchDB, and that the URL is CouchDB's own."
  return {
    problem,
    hint: isRead(said.method) ? hint : `${hint} The request may have been carried out: read before you repeat it.`
  }
}

/** The problem of a response that refuses plain HTTP. */
export const tlsPort = "the port speaks TLS"

/** The problem of a login whose cookie scripts cannot read. */
export const hiddenCookie = "its cookie cannot be read here"

/** The hint for a failure after which it is unknown whether the request was carried out. */
export const aftermath = (method: string): string =>
  isRead(method)
    ? "Check the server's log, and the proxies between here and the server."
    : "The request may have been carried out: read before you repeat it."
