import type { Socket } from "node:net"
import type { TLSSocket } from "node:tls"
import { buildConnector } from "undici"

type Connector = buildConnector.connector
const isTls = (socket: Socket | TLSSocket): socket is TLSSocket => "encrypted" in socket && socket.encrypted

/**
 * A connector whose TLS sockets close at the first failure. In TLS 1.3 a server may refuse the client's certificate after
 * the client's handshake is complete. Node keeps such a socket open until the server closes it, and undici then reports
 * the close instead of the refusal.
 */
export const attentive = (connect: Connector): Connector => (options, callback) =>
  connect(options, (...result) => {
    const [error, socket] = result
    if (error === null && isTls(socket)) socket.on("error", (error) => socket.destroy(error))
    callback(...result)
  })

/** Connects to a server without a proxy. */
export const straight = (options: buildConnector.BuildOptions): Connector => attentive(buildConnector(options))
