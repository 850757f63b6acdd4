import * as Redacted from "effect/Redacted"
import { type buildConnector, type Dispatcher, Pool, ProxyAgent } from "undici"
import type { Options } from "../NodeTransport.js"
import { attentive } from "./connect.js"

type Proxy = NonNullable<Options["proxy"]>
type Connector = buildConnector.connector

const schemes = new Set(["http:", "https:", "socks5:", "socks:"])

/** Whether undici can connect through it. */
export const isProxyUrl = (url: string): boolean => URL.canParse(url) && schemes.has(new URL(url).protocol)

const isSocks = (url: string): boolean => new URL(url).protocol.startsWith("socks")

/** undici retries a connection that failed with one of these codes immediately and without limit. */
const repeated = new Set(["UND_ERR_SOCKET", "UND_ERR_INFO"])

const prefix = "proxy: "

/** Marks an error as an error of the proxy. Its other members than message and code may contain credentials. */
const ofProxy = (error: Error): Error => {
  const { code } = error as NodeJS.ErrnoException
  const own = new Error(prefix + error.message)
  return code === undefined || repeated.has(code) ? own : Object.assign(own, { code })
}

const problem = (
  error: Error,
  { protocol }: buildConnector.Options,
  timeout: number,
  isLate: boolean
): Error => {
  const { code } = error as NodeJS.ErrnoException
  if (isLate) return new Error(`the proxy did not respond to CONNECT within ${timeout} ms`)
  if (error.message.startsWith("Proxy response (")) return new Error(error.message)
  // For https, the handshake with the server may have failed.
  return (protocol === "http:" && !error.message.startsWith(prefix)) || (code !== undefined && repeated.has(code))
    ? ofProxy(error)
    : error
}

/** Opens a tunnel before the timeout, or fails once. */
const tunnel = (connect: Connector, timeout: number): Connector => (options, callback) => {
  const controller = new AbortController()
  let isLate = false
  const timer = timeout > 0
    ? setTimeout(() => {
      isLate = true
      controller.abort()
    }, timeout)
    : undefined
  // The agent sends CONNECT with this signal.
  const through = { ...options, signal: controller.signal }
  connect(through, (...[error, socket]) => {
    clearTimeout(timer)
    if (error === null) callback(null, socket)
    else callback(problem(error, options, timeout, isLate), null)
  })
}

/** Connects to the proxy. */
const toProxy = (connect: Connector): Connector => (options, callback) =>
  connect(options, (...[error, socket]) => {
    if (error === null) callback(null, socket)
    else callback(ofProxy(error), null)
  })

const connectorOf = (options: object): Connector | undefined => {
  const { connect } = options as Pool.Options
  return typeof connect === "function" ? connect : undefined
}

/** The sockets to one server, through a proxy. */
export const openProxy = (
  { authorization, url }: Proxy,
  options: Pool.Options,
  requestTls: buildConnector.BuildOptions,
  timeout: number
): Dispatcher =>
  new ProxyAgent({
    ...options,
    uri: url,
    ...(authorization !== undefined && { token: Redacted.value(authorization) }),
    requestTls,
    // undici connects to a SOCKS proxy over TLS if there are options for it.
    ...(!isSocks(url) && { proxyTls: { timeout } }),
    clientFactory: (origin, options) => {
      const connector = connectorOf(options)
      return new Pool(origin, { ...options, ...(connector !== undefined && { connect: toProxy(connector) }) })
    },
    factory: (origin, options) => {
      const connector = connectorOf(options)
      return new Pool(origin, {
        ...options,
        ...(connector !== undefined && { connect: attentive(tunnel(connector, timeout)) })
      })
    }
  })
