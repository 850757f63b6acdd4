/**
 * The transport for Node, over undici's connection pool.
 *
 * @since 0.1.0
 */
import * as Transport from "effect-couchdb/Transport"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import type { Scope } from "effect/Scope"
import * as internal from "./internal/pool.js"

/**
 * The options of the pool, which apply to each server. A request that waits for a connection until its deadline fails with a
 * `TransportError` (`PoolExhausted`), and is not sent.
 *
 * - `connections`: the maximum number of connections for requests and streams, by default 64. Streams, such as views and
 *   attachments, use at most three quarters of them, so that slow readers do not block other requests
 * - `feedConnections`: the maximum number of additional connections for feeds, which stay open: `Changes.follow`,
 *   `continuous` and `longpoll`, `Server.followUpdates`, live replication and `Conflict.watch`. By default 256. Further feeds
 *   wait, and a warning is logged
 * - `keepAlive`: how long an idle socket stays open, by default 4 seconds
 * - `headersTimeout`: the maximum time until the headers of a response arrive, by default 5 minutes
 * - `bodyTimeout`: the maximum time between two chunks of a body, by default 5 minutes
 * - `connectTimeout`: the maximum time to connect, by default 10 seconds
 * - `tls`: a certificate authority, a client certificate and its key, as PEM, the server name in the certificate, and
 *   whether the certificate must be valid
 * - `socketPath`: a Unix socket to connect to instead of the host in the URL
 * - `proxy`: a proxy that tunnels to the server, and its `proxy-authorization`
 * - `gzipAbove`: compresses JSON bodies of requests with more bytes than this, off the event loop. By default bodies are not
 *   compressed, since on a fast network this costs more than it saves. It needs proxies that forward `Content-Encoding`
 *
 * @since 0.1.0
 * @category model
 */
export interface Options {
  readonly connections?: number | undefined
  readonly feedConnections?: number | undefined
  readonly keepAlive?: Duration.DurationInput | undefined
  readonly headersTimeout?: Duration.DurationInput | undefined
  readonly bodyTimeout?: Duration.DurationInput | undefined
  readonly connectTimeout?: Duration.DurationInput | undefined
  readonly tls?: {
    readonly ca?: string | undefined
    readonly cert?: string | undefined
    readonly key?: string | undefined
    readonly servername?: string | undefined
    readonly rejectUnauthorized?: boolean | undefined
  } | undefined
  readonly socketPath?: string | undefined
  readonly proxy?: { readonly url: string; readonly authorization?: Redacted.Redacted | undefined } | undefined
  readonly gzipAbove?: number | undefined
}

/**
 * A transport whose sockets close with the scope.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: (options?: Options) => Effect.Effect<Transport.Service, never, Scope> = internal.make

/**
 * The layer of the transport. Releasing it closes all sockets, including those of requests in flight.
 *
 * @example
 * import { Layer } from "effect"
 * import { CouchHttp } from "effect-couchdb"
 * import { NodeTransport } from "effect-couchdb-node"
 *
 * const live = CouchHttp.layer({ url: "http://127.0.0.1:5984" }).pipe(
 *   Layer.provide(NodeTransport.layer({ connections: 16 }))
 * )
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<Transport.Transport> =>
  Layer.scoped(Transport.Transport, Effect.suspend(() => make(options)))
