/**
 * The transport of Node, straight over undici's connection pool.
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
 * How the pool behaves, for each server that it talks to. A request that waits for a connection until its deadline fails
 * with a `TransportError` (`PoolExhausted`); nothing of it was sent.
 *
 * - `connections`: at most n connections for requests and streams; 64 by default. Streams, such as views and attachments
 *   that are read as they come, get at most three quarters of them, so that slow readers leave some for other requests
 * - `feedConnections`: at most n more connections for feeds, which stay open: `Changes.follow`, `continuous` and `longpoll`,
 *   `Server.followUpdates`, live replication and `Conflict.watch`; 256 by default. A feed beyond that waits, which is
 *   logged as a warning
 * - `keepAlive`: how long an idle socket stays open; 4 seconds
 * - `headersTimeout`: how long the server may take until its headers come; 5 minutes
 * - `bodyTimeout`: how long a body may pause between two chunks; 5 minutes
 * - `connectTimeout`: how long a connection may take; 10 seconds
 * - `tls`: a certificate authority, a client certificate and its key, as PEM, the name that the certificate is for, and
 *   whether a certificate must be valid
 * - `socketPath`: a Unix socket to connect to, whatever host the URL names
 * - `proxy`: a proxy that tunnels to the server, and its `proxy-authorization`
 * - `gzipAbove`: JSON bodies of requests with more bytes than this are sent compressed, off the event loop; never unless
 *   said otherwise, since on a fast network it costs more than it saves. A proxy that does not hand `Content-Encoding` on
 *   breaks it
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
 * The layer of the transport. Releasing it closes its sockets, requests under way among them.
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
