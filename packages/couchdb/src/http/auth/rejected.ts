import { decodeUtf8, parseJson } from "../../data/text.js"

/**
 * A response as authentication sees it: a body that streams is not read. `cookie` is `hidden` if a session was begun whose
 * cookie cannot be read here, and the server does not recognise it.
 */
export interface Answered {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly cookie?: "hidden"
}

// CouchDB calls a request wrong whose token it cannot read, or whose signature is not that of a key that it knows.
const ofToken =
  /^(?:Bad (?:HMAC|signature)|(?:Missing|Invalid) \S+ (?:claim|header parameter)|Malformed token|Unknown kid)$/

const reasonOf = (body: string | Uint8Array): unknown => {
  const json = parseJson(typeof body === "string" ? body : decodeUtf8(body))
  return typeof json === "object" && json !== null && "reason" in json ? json.reason : undefined
}

/** Whether the server may have refused the credentials: with 401, or with 400 where they are a token. */
export const isRefusal = ({ body, status }: Answered, tokens: boolean): boolean => {
  if (status === 401) return true
  if (status !== 400 || !tokens) return false
  if (typeof body !== "string" && !(body instanceof Uint8Array)) return true
  const reason = reasonOf(body)
  return typeof reason === "string" && ofToken.test(reason)
}
