import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Auth from "./Auth.js"
import type { FromServer, Options } from "./CouchHttp.js"

/** The address of a server, for requests and spans. */
export interface Server {
  readonly origin: string
  readonly prefix: string
  /** Origin and prefix, without credentials, for errors. */
  readonly base: string
  readonly address: string
  readonly port: number
}

const decode = Option.liftThrowable(decodeURIComponent)

/** Decodes the escapes of a text. A percent sign that escapes nothing is kept. */
const unescaped = (text: string): string =>
  text.replace(/(?:%[0-9a-fA-F]{2})+/g, (escaped) => Option.getOrElse(decode(escaped), () => escaped))

/** Splits the URL of the options into the server and its credentials; `None` if it is not a valid URL of a server. */
export const locate = (options: Options): Option.Option<{ readonly server: Server; readonly auth: Auth.Auth }> => {
  if (!URL.canParse(options.url)) return Option.none()
  const url = new URL(options.url)
  if (url.protocol !== "http:" && url.protocol !== "https:") return Option.none()
  // An unescaped #, ? or / ended the password early, and errors would show parts of it as host, port and path.
  if (url.search !== "" || url.hash !== "" || url.pathname.includes("@")) return Option.none()
  const prefix = url.pathname.replace(/\/+$/, "")
  return Option.some({
    server: {
      origin: url.origin,
      prefix,
      base: url.origin + prefix,
      address: url.hostname,
      port: url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port)
    },
    auth: options.auth ??
      (url.username === ""
        ? Auth.none
        : Auth.basic(unescaped(url.username), Redacted.make(unescaped(url.password))))
  })
}

export const unknownServer: FromServer = {}

/** The server as the member of an error. */
export const serverOf = ({ server }: FromServer): FromServer => server === undefined ? unknownServer : { server }
