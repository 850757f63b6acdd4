import { Transport } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { brotliCompressSync, brotliDecompressSync, deflateSync, gunzipSync, gzipSync, inflateSync } from "node:zlib"

/**
 * What a proxy does to the answers about attachments.
 *
 * - `accepts`: the `accept-encoding` that the server is asked with: the client's own unless given; `""` removes it
 * - `inflates`: undoes the server's compression, as `gunzip on` of nginx does
 * - `transforms`: changes the content of files
 * - `compresses`: compresses what is not compressed, if the client takes that, or `unasked`
 * - `etag`, `acceptRanges`: what becomes of these headers where the body was changed; they stay unless given
 * - `hides`: headers that are removed from every answer
 * - `ignoresRange`: the server never sees a `Range`
 */
export interface Proxy {
  readonly accepts?: string
  readonly inflates?: boolean
  readonly transforms?: (content: Uint8Array) => Uint8Array
  readonly compresses?: "gzip" | "deflate" | "br"
  readonly ignoresAcceptEncoding?: boolean
  readonly etag?: (etag: string) => string | undefined
  readonly acceptRanges?: string | undefined | "keep"
  readonly hides?: ReadonlyArray<string>
  readonly ignoresRange?: boolean
  /** Changes the answer as a whole, last of all. */
  readonly mapResponse?: (
    response: Transport.BufferedResponse,
    request: Transport.TransportRequest
  ) => Transport.BufferedResponse
}

type Headers = Record<string, string | undefined>

const without = (headers: Headers, ...names: ReadonlyArray<string>): Headers =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name)))

const defined = (headers: Headers): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(headers).flatMap(([name, value]) => value === undefined ? [] : [[name, value]]))

const compressors = {
  gzip: (body: Uint8Array): Uint8Array => gzipSync(body, { level: 1 }),
  deflate: (body: Uint8Array): Uint8Array => deflateSync(body),
  br: (body: Uint8Array): Uint8Array => brotliCompressSync(body)
}

const accepted = (request: Transport.TransportRequest, coding: string): boolean =>
  (request.headers["accept-encoding"] ?? "").split(",").some((each) => each.trim() === coding)

const passOn = (
  proxy: Proxy,
  request: Transport.TransportRequest,
  response: Transport.BufferedResponse
): Transport.BufferedResponse => {
  let headers: Headers = { ...response.headers }
  let body = Transport.bytes(response)
  let changed = false
  const isEmpty = request.method === "HEAD"
  if (response.status === 200 && proxy.inflates === true && headers["content-encoding"] === "gzip") {
    headers = without(headers, "content-encoding")
    if (!isEmpty) body = gunzipSync(body)
    changed = true
  }
  const isFile = !/json|multipart/.test(headers["content-type"] ?? "")
  if (response.status === 200 && proxy.transforms !== undefined && !isEmpty && isFile) {
    const coded = headers["content-encoding"] === "gzip"
    const content = proxy.transforms(coded ? gunzipSync(body) : body)
    body = coded ? gzipSync(content) : content
    changed = true
  }
  // As nginx does, which compresses these statuses, and no answer to a HEAD.
  const mayCompress = [200, 403, 404].includes(response.status) && !isEmpty && headers["content-encoding"] === undefined
  if (
    proxy.compresses !== undefined && mayCompress &&
    (proxy.ignoresAcceptEncoding === true || accepted(request, proxy.compresses))
  ) {
    headers["content-encoding"] = proxy.compresses
    body = compressors[proxy.compresses](body)
    changed = true
  }
  if (changed) {
    headers = without(headers, "content-length")
    if (proxy.acceptRanges !== "keep") headers["accept-ranges"] = proxy.acceptRanges
    if (proxy.etag !== undefined && headers["etag"] !== undefined) headers["etag"] = proxy.etag(headers["etag"])
  }
  const passed = {
    status: response.status,
    headers: defined(without(headers, ...proxy.hides ?? [])),
    body: isEmpty ? response.body : body
  }
  return proxy.mapResponse?.(passed, request) ?? passed
}

/** How a client treats a `content-encoding`: as `fetch` and say so, as a client that leaves it and says so, or silently. */
export type Client = "inflates" | "leaves" | "inflates silently" | "leaves silently" | "hides what it inflated"

const inflatedBy = (coding: string | undefined, body: Uint8Array): Uint8Array =>
  coding === "gzip"
    ? gunzipSync(body)
    : coding === "deflate"
    ? inflateSync(body)
    : coding === "br"
    ? brotliDecompressSync(body)
    : body

const received = (client: Client, response: Transport.BufferedResponse): Transport.StreamedResponse => {
  const bytes = Transport.bytes(response)
  const coding = response.headers["content-encoding"]
  const inflates = client === "inflates" || client === "inflates silently" || client === "hides what it inflated"
  const body = inflates ? inflatedBy(coding, bytes) : bytes
  const pieces = Array.from({ length: Math.ceil(body.length / 1000) }, (_, n) => body.slice(n * 1000, (n + 1) * 1000))
  return {
    status: response.status,
    headers: client === "hides what it inflated"
      ? defined(without({ ...response.headers }, "content-encoding", "content-length"))
      : response.headers,
    body: Stream.fromIterable(pieces),
    ...(client === "inflates" || client === "hides what it inflated"
      ? { inflated: true }
      : client === "leaves"
      ? { inflated: false }
      : {})
  }
}

/** A client on one side of a proxy, and the server on the other. */
export const proxied = (proxy: Proxy, client: Client) => (server: Transport.Service): Transport.Service => {
  const send = (request: Transport.TransportRequest) => {
    const headers: Headers = { ...request.headers }
    if (proxy.ignoresRange === true) delete headers["range"]
    if (proxy.accepts !== undefined) headers["accept-encoding"] = proxy.accepts === "" ? undefined : proxy.accepts
    return Effect.map(
      server.request({ ...request, headers: defined(headers) }),
      (response) => passOn(proxy, request, response)
    )
  }
  return { request: send, stream: (request) => Effect.map(send(request), (response) => received(client, response)) }
}
