import { decodeUtf8, parseJson } from "../../data/text.js"

/**
 * A response as authentication sees it: the body of a stream is not read. `cookie` is `hidden` if the login set a
 * cookie that scripts cannot read, and the server does not recognize the session.
 */
export interface AuthResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly cookie?: "hidden"
}

// CouchDB reports a bad request if it cannot parse the token, or if no key that it knows verifies the signature.
const tokenProblem =
  /^(?:Bad (?:HMAC|signature)|(?:Missing|Invalid) \S+ (?:claim|header parameter)|Malformed token|Unknown kid)$/

const reasonOf = (body: string | Uint8Array): unknown => {
  const json = parseJson(typeof body === "string" ? body : decodeUtf8(body))
  return typeof json === "object" && json !== null && "reason" in json ? json.reason : undefined
}

/** Whether the server may have refused the credentials: with 401, or with 400 if they are a token. */
export const isRefusal = ({ body, status }: AuthResponse, tokens: boolean): boolean => {
  if (status === 401) return true
  if (status !== 400 || !tokens) return false
  if (typeof body !== "string" && !(body instanceof Uint8Array)) return true
  const reason = reasonOf(body)
  return typeof reason === "string" && tokenProblem.test(reason)
}
