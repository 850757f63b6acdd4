import { TransportError } from "./errors.js"
import type { TransportRequest } from "./Transport.js"

/**
 * How far a request got before it failed.
 *
 * - `unsent`: no byte of it was written
 * - `sent`: at least part of it was written
 * - `responded`: the status of the response arrived
 * - `unknown`: the client does not report it, as with `fetch`
 */
export type Phase = "unsent" | "sent" | "responded" | "unknown"

const memberOf = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined

const textIn = (value: unknown, name: string): string => {
  const text = memberOf(value, name)
  return typeof text === "string" ? text : ""
}

/** The innermost cause. The errors that wrap it may contain the request, with its headers and body. */
const innermost = (cause: unknown): unknown => {
  const inner = memberOf(cause, "cause")
  return inner === undefined || inner === null ? cause : innermost(inner)
}

/** The code of a failure. Some versions of Bun set only `name`. */
const codeOf = (cause: unknown): string => textIn(cause, "code") || textIn(cause, "name")

const messageOf = (cause: unknown): string => typeof cause === "string" ? cause : textIn(cause, "message")

/**
 * Codes of failed TLS handshakes: OpenSSL's for certificates that do not verify, which Node documents and Bun reports as
 * well, and Node's for invalid TLS options.
 */
const tlsCode = new RegExp(
  "^(?:UNABLE_TO_(?:GET|DECRYPT|DECODE|VERIFY)_\\w+|ERROR_IN_(?:CERT|CRL)_\\w+" +
    "|(?:CERT|CRL)_(?:SIGNATURE_FAILURE|NOT_YET_VALID|HAS_EXPIRED|CHAIN_TOO_LONG|REVOKED|UNTRUSTED|REJECTED)" +
    "|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|INVALID_(?:CA|PURPOSE)|PATH_LENGTH_EXCEEDED|HOSTNAME_MISMATCH" +
    "|OUT_OF_MEM|UNSPECIFIED|UNKNOWN_CERTIFICATE_\\w+|UND_ERR_PRX_TLS|ERR_OSSL_\\w+|ERR_TLS_(?!RENEG|SESSION)\\w+)$"
)

/** Words in OpenSSL's codes and messages that only failed handshakes contain. */
const ofHandshake = new RegExp(
  "wrong.version|packet.length|http.request|https.proxy|handshake|certificate|unknown.ca\\b|protocol(?!.is.shut)" +
    "|version.too|cipher|unrecognized.name|access.denied|insufficient.security|fallback|extension|unknown.psk" +
    "|too.small|too.weak|signature|decrypt.error|renegotiation.disabled|curve|group",
  "i"
)

/**
 * A handshake that the server refused. In TLS 1.3 the refusal arrives after the client has written its first request.
 */
const refusal =
  /alert.(?:handshake|(?:bad.|unsupported.|no.)?certificate|unknown.ca|access.denied)|fatal alert: (?:Handshake|\w*Cert|UnknownCA|AccessD)/i

const withSpaces = (code: string): string => code.replaceAll("_", " ")

/** Whether a TLS handshake failed. `anything` also accepts failures that may happen after it. */
const isTls = (cause: unknown, anything: boolean): boolean => {
  const code = codeOf(cause)
  const message = messageOf(cause)
  return tlsCode.test(code) ||
    (code.startsWith("ERR_SSL_") && (anything || ofHandshake.test(withSpaces(code)))) ||
    (code === "EPROTO" && (anything || !/SSL routines/.test(message) || ofHandshake.test(message))) ||
    /client error \(Connect\): (?:invalid peer cert|received |peer is )|^(?:An SSL error has|The certificate for this server)/
      .test(message)
}

/** System calls that happen before the first byte of a request is written. */
const connecting = /^(?:connect|bind|socket|getaddrinfo\w*|query[A-Z]\w*)$/

/** Codes of connections that were not made, for any system call. Some are specific to versions of Bun. */
const unconnectedCode =
  /^(?:ECONNREFUSED|ENOTFOUND|EADDRNOTAVAIL|EAI_\w+|UND_ERR_CONNECT_TIMEOUT|ConnectionRefused|FailedToOpenSocket|DNS\w+)$/

/**
 * Messages of connections that were not made. `Failed to fetch` and the like do not count: they may happen at any time.
 */
const unconnectedText = new RegExp(
  "^(?:Client network socket disconnected before secure|connect E[A-Z]+\\b|Unable to connect\\. Is|Was there a typo in the url" +
    "|Could not connect to the server|A server with the specified hostname|The Internet connection appears)" +
    "|client error \\(Connect\\)"
)

/** The message of undici's agents if a proxy does not open a tunnel. */
const refusedTunnel = /^Proxy response \((\d+)\)/

/** Whether a proxy refused the tunnel to the server. */
const refusedConnect = (cause: unknown): string | undefined => {
  const [, status] = refusedTunnel.exec(messageOf(cause)) ?? []
  return status === undefined ? undefined : `the proxy responded to CONNECT with ${status}`
}

const isUnconnected = (cause: unknown): boolean =>
  refusedTunnel.test(messageOf(cause)) ||
  connecting.test(textIn(cause, "syscall")) || unconnectedCode.test(codeOf(cause)) ||
  unconnectedText.test(messageOf(cause))

/** A port or a scheme that `fetch` does not use. */
const isForbiddenUrl = (cause: unknown): boolean =>
  /^(?:bad port|unknown scheme|invalid url|URL scheme must be|Failed to parse URL)|Requests to port \d+ are blocked/i
    .test(messageOf(cause))

/** A header that the client refuses to send. */
const isForbiddenHeader = (cause: unknown): boolean =>
  /^ERR_(?:INVALID_CHAR|HTTP_INVALID_HEADER_VALUE|INVALID_HTTP_TOKEN)$/.test(codeOf(cause)) ||
  /invalid header (?:value|name)|^Header '.*' has invalid value/i.test(messageOf(cause))

/** A redirect that `fetch` could not follow because it had already sent the body. */
const isUnrepeatable = (cause: unknown): boolean =>
  /detached ArrayBuffer|cannot be replayed for this redirect|Can ?not redeliver a streaming request body/i.test(
    messageOf(cause)
  )

/** Codes for the body of a request, not of a response. */
const wrongLength = /^(?:UND_ERR_REQ|ERR_HTTP)_CONTENT_LENGTH_MISMATCH$/

const isTransportError = (cause: unknown): cause is TransportError => memberOf(cause, "_tag") === "TransportError"

/** Whether the body of the request caused the failure. */
const isOfBody = (cause: unknown): boolean =>
  isTransportError(cause) || isUnrepeatable(cause) || wrongLength.test(codeOf(cause))

/** Whether the response begins with a TLS record: the port speaks TLS. */
const isTlsRecord = (cause: unknown): boolean => /^[\x14-\x17]\x03/.test(textIn(cause, "data"))

const ofOne = (cause: unknown, phase: Phase): TransportError["reason"] => {
  if (phase === "responded") return "Body"
  if (isOfBody(cause)) return "RequestBody"
  if (refusal.test(`${withSpaces(codeOf(cause))} ${messageOf(cause)}`) || isTlsRecord(cause)) return "Tls"
  if (phase === "sent") return "NoResponse"
  if (isForbiddenUrl(cause)) return "InvalidUrl"
  if (isForbiddenHeader(cause)) return "InvalidHeader"
  if (isTls(cause, phase === "unsent")) return "Tls"
  if (phase === "unknown") return isUnconnected(cause) ? "Connection" : "NoResponse"
  if (codeOf(cause) !== "UND_ERR_INVALID_ARG") return "Connection"
  return /header/.test(messageOf(cause)) ? "InvalidHeader" : "InvalidUrl"
}

/** Classifies a failure. Unless it is certain that nothing was sent, the request may have been carried out. */
const reasonOf = (cause: unknown, phase: Phase): TransportError["reason"] => {
  const inner = innermost(cause)
  if (!(inner instanceof AggregateError) || inner.errors.length === 0) return ofOne(inner, phase)
  // It contains one error for each address that was tried.
  const all = inner.errors.map((error) => reasonOf(error, phase))
  return all.includes("NoResponse") ? "NoResponse" : all.includes("Connection") ? "Connection" : all[0] ?? "NoResponse"
}

/** Whether the request failed before anything was sent. */
export const neverConnected = (cause: unknown): boolean => {
  const reason = reasonOf(cause, "unknown")
  return reason === "Connection" || reason === "Tls" || reason === "InvalidUrl" || reason === "InvalidHeader"
}

/**
 * Removes these values, whole or in part, from a description: some clients repeat a header that they refuse to send.
 */
const redactValues = (description: string, values: ReadonlyArray<string>): string => {
  const parts = values.flatMap((value) => value.split(/\s+/)).filter((part) => part.length >= 8)
  // Shorter values are not secrets, and may be part of any word. The longest go first, so that no part of one remains.
  const all = [...values.filter((value) => value.length >= 4), ...parts].sort((a, b) => b.length - a.length)
  return all.reduce((text, value) => text.replaceAll(value, "…"), description)
}

/** OpenSSL's reason without its addresses, files and lines, and Deno's without the URL. */
const plain = (message: string): string => {
  const [, proxy = "", reason] = /^(proxy: )?.*?error:[0-9A-F]+:[^:]*:[^:]*:([^:]+)/is.exec(message) ?? []
  return reason === undefined
    ? message.replace(/^error sending request (?:for url \(\S+\)|from \S+ for \S+ \(\S+\)): /, "").trim()
    : proxy + reason
}

const describe = (cause: unknown): string => {
  if (cause instanceof AggregateError && cause.errors.length > 0) return cause.errors.map(describe).join(", ")
  if (isTransportError(cause)) return cause.description
  if (isUnrepeatable(cause)) return "the server redirected the request, and its body cannot be sent again"
  if (isTlsRecord(cause)) return "the port speaks TLS"
  const refused = refusedConnect(cause)
  if (refused !== undefined) return refused
  if (!(cause instanceof Error)) return typeof cause === "string" ? plain(cause) : "unknown cause"
  return cause.message === "" ? codeOf(cause) : plain(cause.message)
}

/**
 * The message or code of the innermost failure only. Its other members, and the errors that wrap it, may contain what was
 * sent or received. Credentials are removed from URLs.
 */
export const describeCause = (cause: unknown): string => describe(innermost(cause)).replace(/\/\/[^/\s@]+@/g, "//")

/** The error of a request. It contains none of the values, and no header of the request. */
export const failed = (
  { headers, method, origin, path }: TransportRequest,
  cause: unknown,
  phase: Phase,
  values: ReadonlyArray<string> = []
): TransportError =>
  new TransportError({
    server: origin,
    method,
    path,
    reason: reasonOf(cause, phase),
    description: redactValues(describeCause(cause), [...Object.values(headers), ...values])
  })
