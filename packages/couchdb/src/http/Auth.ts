/**
 * The credentials that `CouchHttp` sends.
 *
 * An `Auth` is a description. Each `CouchHttp` keeps the state of each `Auth` value, such as the cookie of a session,
 * so reuse the value: a new one for each request logs in again for each request.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { AuthenticatorFactory } from "./auth/exchange.js"
import * as fixed from "./auth/fixedHeaders.js"
import { proxyAuth, type ProxyUser } from "./auth/proxyAuth.js"
import * as renewed from "./auth/sessionAuth.js"

/**
 * @since 0.1.0
 * @category symbols
 */
export const TypeId: unique symbol = Symbol.for("effect-couchdb/Auth") as never

/**
 * @since 0.1.0
 * @category symbols
 */
export type TypeId = typeof TypeId

/**
 * The digest that signs the name of a proxied user. By default a server accepts SHA-256 and SHA-1 (`hash_algorithms` in
 * its configuration). Before CouchDB 3.3 it accepts only SHA-1.
 *
 * @since 0.1.0
 * @category model
 */
export type ProxyAlgorithm = "sha256" | "sha"

/**
 * Credentials. Their secrets are never printed. The functions of this module make them, and each `Auth` carries the
 * code that it needs, so a program bundles only the kinds that it uses.
 *
 * @since 0.1.0
 * @category model
 */
export type Auth = Credentials & { readonly [TypeId]: AuthenticatorFactory }

type Credentials = Data.TaggedEnum<{
  None: {}
  Basic: { readonly username: string; readonly password: Redacted.Redacted }
  Session: { readonly username: string; readonly password: Redacted.Redacted }
  Cookie: { readonly cookie: Redacted.Redacted }
  Token: { readonly token: Redacted.Redacted }
  Tokens: { readonly token: Effect.Effect<Redacted.Redacted, unknown> }
  Proxy: ProxyUser
}>

const credentials = Data.taggedEnum<Credentials>()

/** The factory is not enumerable, so that equal credentials stay equal. */
const withAuthenticator = (auth: Credentials, factory: AuthenticatorFactory): Auth =>
  Object.defineProperty(auth, TypeId, { value: factory }) as Auth

/**
 * No credentials: the server treats the request as anonymous.
 *
 * @example
 * import { Auth, CouchHttp, Database } from "effect-couchdb"
 *
 * const asAnybody = Database.info("zoo").pipe(CouchHttp.withAuth(Auth.none))
 *
 * @since 0.1.0
 * @category constructors
 */
export const none: Auth = withAuthenticator(credentials.None(), fixed.fixedHeaders(() => ({})))

/**
 * Sends user and password with every request, encoded as UTF-8.
 *
 * @example
 * import { Redacted } from "effect"
 * import { Auth, CouchHttp } from "effect-couchdb"
 *
 * const couch = CouchHttp.layer({
 *   url: "http://127.0.0.1:5984",
 *   auth: Auth.basic("admin", Redacted.make("secret"))
 * })
 *
 * @since 0.1.0
 * @category constructors
 */
export const basic = (username: string, password: Redacted.Redacted): Auth =>
  withAuthenticator(credentials.Basic({ username, password }), fixed.basic(username, password))

/**
 * Authenticates with a session cookie: `POST /_session` before the first request, and again before the cookie expires,
 * unless the server extends it in its responses. If the server refuses a request with 401, the client logs in again and
 * repeats the request once; this also covers cookies without an expiry. Any number of fibers share one login.
 *
 * A wrong password fails with an `UnauthorizedError` for `/_session`. The password is not sent again for some
 * seconds, later for minutes, since five wrong ones lock an account: `AccountLockedError`.
 *
 * A request whose body is a stream is repeated only if none of the stream was read.
 *
 * In a browser, the browser stores the cookie, and scripts can neither read nor send it. The browser stores and sends
 * the cookie of another origin only if requests include credentials, and CouchDB must allow them for the page's origin
 * (`[cors] credentials = true` and `origins`).
 *
 * @example
 * import { Redacted } from "effect"
 * import { Auth, CouchHttp } from "effect-couchdb"
 *
 * const couch = CouchHttp.layer({
 *   url: "http://127.0.0.1:5984",
 *   auth: Auth.session("ada", Redacted.make("secret"))
 * })
 *
 * @example
 * import { FetchHttpClient } from "@effect/platform"
 * import { Layer, Redacted } from "effect"
 * import { Auth, CouchHttp, Transport } from "effect-couchdb"
 *
 * // In a browser.
 * const couch = CouchHttp.layer({
 *   url: "https://couch.example",
 *   auth: Auth.session("ada", Redacted.make("secret"))
 * }).pipe(
 *   Layer.provide(Transport.layerHttpClient()),
 *   Layer.provide(FetchHttpClient.layer),
 *   Layer.provide(Layer.succeed(FetchHttpClient.RequestInit, { credentials: "include" }))
 * )
 *
 * @since 0.1.0
 * @category constructors
 */
export const session = (username: string, password: Redacted.Redacted): Auth =>
  withAuthenticator(credentials.Session({ username, password }), renewed.session(username, password))

/**
 * Uses a session that was begun elsewhere: the value of its `AuthSession` cookie. The cookie is not renewed.
 *
 * @example
 * import { Redacted } from "effect"
 * import { Auth, CouchHttp, Session } from "effect-couchdb"
 *
 * const whoIs = (cookie: string) => Session.info.pipe(CouchHttp.withAuth(Auth.cookie(Redacted.make(cookie))))
 *
 * @since 0.1.0
 * @category constructors
 */
export const cookie = (cookie: Redacted.Redacted): Auth =>
  withAuthenticator(
    credentials.Cookie({ cookie }),
    fixed.fixedHeaders(() => fixed.cookieHeader(Redacted.value(cookie)))
  )

/**
 * Sends a JSON Web Token, for servers that enable `jwt_authentication_handler`.
 *
 * An effect that provides tokens runs for the first request, and again before the `exp` of its token. It also runs if
 * the server refuses the token (with 401, or with 400 if it cannot check the signature), and the request is then
 * repeated once. A token without `exp` is used until it is refused. Any number of fibers share one run. If the effect
 * fails, they fail with a `CredentialsError`.
 *
 * @example
 * import { Effect, Redacted } from "effect"
 * import { Auth, CouchHttp } from "effect-couchdb"
 *
 * declare const askIdentityProvider: Effect.Effect<string, Error>
 *
 * const couch = CouchHttp.layer({
 *   url: "http://127.0.0.1:5984",
 *   auth: Auth.jwt(Effect.map(askIdentityProvider, Redacted.make))
 * })
 *
 * @since 0.1.0
 * @category constructors
 */
export const jwt = <E = never>(token: Redacted.Redacted | Effect.Effect<Redacted.Redacted, E>): Auth =>
  Effect.isEffect(token)
    ? withAuthenticator(credentials.Tokens({ token }), renewed.tokens(token))
    : withAuthenticator(
      credentials.Token({ token }),
      fixed.fixedHeaders(() => fixed.bearerHeader(Redacted.value(token)))
    )

/**
 * Authenticates a user on behalf of a proxy, for servers that enable `proxy_authentication_handler`: sends the name,
 * the roles, and the name signed with the server's secret (`chttpd_auth/secret`), which the server requires if
 * `proxy_use_secret` is enabled.
 *
 * @example
 * import { Redacted } from "effect"
 * import { Auth, CouchHttp, Session } from "effect-couchdb"
 *
 * const asAda = Session.info.pipe(
 *   CouchHttp.withAuth(Auth.proxy("ada", { roles: ["keepers"], secret: Redacted.make("the server's") }))
 * )
 *
 * @since 0.1.0
 * @category constructors
 */
export const proxy = (username: string, options?: {
  readonly roles?: ReadonlyArray<string> | undefined
  readonly secret?: Redacted.Redacted | undefined
  readonly algorithm?: ProxyAlgorithm | undefined
}): Auth => {
  const user = {
    username,
    roles: options?.roles ?? [],
    secret: options?.secret,
    algorithm: options?.algorithm ?? "sha256"
  }
  return withAuthenticator(credentials.Proxy(user), proxyAuth(user))
}
