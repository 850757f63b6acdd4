import type { Explanation } from "../errorMessage.js"
import type { TransportError } from "../errors.js"
import { aftermath } from "./unexpectedResponse.js"

type Reason = TransportError["reason"]

const transportProblems: { readonly [reason in Reason]: string } = {
  InvalidUrl: "the URL of the server is not valid",
  InvalidHeader: "a header contains a line break or another character that no header may have",
  LongLine: "too long for the server",
  Unsupported: "the transport does not work on this runtime",
  Connection: "no connection to the server",
  Tls: "the TLS handshake failed",
  PoolExhausted: "every connection of the pool was in use",
  RequestBody: "the request body could not be sent",
  NoResponse: "the connection broke before a response came",
  Body: "the response ended too early",
  Deadline: "no response in time"
}

type TransportRule = readonly [reason: Reason, says: RegExp, hint: string, problem?: string]

/** Rules for the handshake with a proxy, whose certificate `tls` does not affect. */
const proxyRules = ([
  [/wrong version|packet length|http request/, "The proxy's port does not speak TLS: use http:// in proxy.url."],
  [/expired|not yet valid/, "Renew the proxy's certificate, and check the clocks of both machines."],
  [/altname/, "Use the name that the proxy's certificate is for in proxy.url."],
  [/unable to|self.signed/, "Make the client trust the proxy's authority, with NODE_EXTRA_CA_CERTS."],
  [/./, "Check the proxy's certificate, and the scheme of proxy.url."]
] as const).map(([says, hint]): TransportRule => [
  "Tls",
  new RegExp(`^proxy: .*(?:${says.source})`),
  hint,
  "the TLS handshake with the proxy failed"
])

/** Hints for failures with this reason and a matching description. */
const transportRules: ReadonlyArray<TransportRule> = [
  ["InvalidUrl", /^bad port|Requests to port/, "fetch does not connect to this port: let CouchDB listen at another."],
  ["InvalidUrl", /^proxy:/, "Check proxy.url.", "the URL of the proxy is not valid"],
  ["InvalidUrl", /^/, "Check COUCHDB_URL."],
  ["InvalidHeader", /^/, "Check where its value comes from, such as a token, a cookie or a content type."],
  ["LongLine", /^/, "Read and write documents with ids as long as that with Bulk, which sends ids in a body."],
  ["Unsupported", /^/, "Use Transport.layerHttpClient() with FetchHttpClient.layer."],
  [
    "Connection",
    /CONNECT with 407/,
    "Give the client the proxy's credentials (NodeTransport: proxy.authorization)."
  ],
  [
    "Connection",
    /\bproxy\b|SOCKS5|No acceptable authentication/,
    "Is the proxy running, is its URL right, and may it connect to the server?"
  ],
  ["Connection", /connect E[A-Z]+ [/\\]/, "Does CouchDB listen at this Unix socket, and is socketPath right?"],
  [
    "Connection",
    /RESET|before secure|eof|reset/,
    "The other side closed it at once: look at its log, and at what is in between."
  ],
  ["Connection", /^/, "Is CouchDB running, and is COUCHDB_URL right?"],
  ...proxyRules,
  ["Tls", /the port speaks TLS/, "Use https:// in the URL."],
  [
    "Tls",
    /wrong version|packet length|http request|InvalidContentType/,
    "The port does not speak TLS: use http:// in the URL, or the port of https."
  ],
  [
    "Tls",
    /expired|not yet valid|not valid yet/,
    "Renew the server's certificate, and check the clocks of both machines."
  ],
  [
    "Tls",
    /altname|for name|hostname/i,
    "Use the name that the certificate is for in the URL, or as tls.servername."
  ],
  [
    "Tls",
    /unable to|self.signed|Unknown/,
    "Make the client trust its authority, with tls.ca or NODE_EXTRA_CA_CERTS."
  ],
  [
    "Tls",
    /alert/,
    "The server may want a client certificate (tls.cert and tls.key), or another version of TLS."
  ],
  [
    "Tls",
    /this port\?/,
    "Use http:// if it does not. Otherwise check the certificate, and whether the server wants one."
  ],
  ["Tls", /^/, "Check the server's certificate, and which authorities the client trusts."],
  [
    "PoolExhausted",
    /^/,
    "Allow more connections (NodeTransport: connections, feedConnections), or close streams and feeds that are not read."
  ],
  [
    "RequestBody",
    /redirected/,
    "Use the URL that the server redirects to, and check that no login page is in front of it."
  ],
  [
    "RequestBody",
    /^/,
    "Check that the announced length is the length of the bytes, and that their source can be read to its end." +
    " The server did not get the whole request, and so did not carry it out."
  ]
]

/** The message of browsers for every kind of failure. */
const ofBrowsers = /^(?:failed to fetch|networkerror when attempting to fetch|load failed|network request failed)/i

export const transport = (
  { description, method, reason }: Pick<TransportError, "description" | "method" | "reason">
): Explanation => {
  const rule = transportRules.find(([of, says]) => of === reason && says.test(description))
  if (rule !== undefined) {
    const [, , hint, problem = transportProblems[reason]] = rule
    return { problem, hint: reason === "RequestBody" ? hint : `${hint} Nothing was sent.` }
  }
  const hint = aftermath(method)
  return reason === "NoResponse" && ofBrowsers.test(description)
    ? {
      problem: "no response",
      hint:
        `${hint} In a browser, this also happens when CORS forbids the request: enable CORS for this origin in CouchDB` +
        " ([chttpd] enable_cors, [cors] origins), and look at the browser's console."
    }
    : { problem: transportProblems[reason], hint }
}
