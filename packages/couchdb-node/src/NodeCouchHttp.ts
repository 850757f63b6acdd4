/**
 * `CouchHttp` on Node, with its transport.
 *
 * @since 0.1.0
 */
import * as CouchHttp from "effect-couchdb/CouchHttp"
import type * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Layer from "effect/Layer"
import * as NodeTransport from "./NodeTransport.js"

/**
 * The layer for one server.
 *
 * @example
 * import { NodeCouchHttp } from "effect-couchdb-node"
 *
 * const live = NodeCouchHttp.layer({ url: "http://admin:secret@127.0.0.1:5984" })
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: CouchHttp.Options,
  transport?: NodeTransport.Options
): Layer.Layer<CouchHttp.CouchHttp> => Layer.provide(CouchHttp.layer(options), NodeTransport.layer(transport))

/**
 * The layer for the server in the configuration: `COUCHDB_URL`, `COUCHDB_USER` and `COUCHDB_PASSWORD`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options?: Config.Config.Wrap<CouchHttp.Options>,
  transport?: NodeTransport.Options
): Layer.Layer<CouchHttp.CouchHttp, ConfigError.ConfigError> =>
  Layer.provide(CouchHttp.layerConfig(options), NodeTransport.layer(transport))
