/**
 * Who asks: the credentials that `CouchHttp` sends.
 *
 * An `Auth` is a description. What it needs to remember, such as the cookie of a session, is kept by each `CouchHttp` for
 * each `Auth` value, so keep the value: one that is made anew for each request logs in anew for each request.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { Works } from "./auth/exchange.js"
import * as fixed from "./auth/fixedHeaders.js"
import { type Proxied, proxied } from "./auth/proxyAuth.js"
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
 * The digest that signs the name of a proxied user. A server takes SHA-256 and SHA-1 unless its `hash_algorithms` say
 * otherwise; before CouchDB 3.3 it takes SHA-1 only.
 *
 * @since 0.1.0
 * @category model
 */
export type ProxyAlgorithm = "sha256" | "sha"

/**
 * Credentials, none of which prints its secrets. They are made by the functions of this module, and bring what puts them
 * to work with them.
 *
 * @since 0.1.0
 * @category model
 */
export type Auth = Said & { readonly [TypeId]: Works }

type Said = Data.TaggedEnum<{
  None: {}
  Basic: { readonly username: string; readonly password: Redacted.Redacted }
  Session: { readonly username: string; readonly password: Redacted.Redacted }
  Cookie: { readonly cookie: Redacted.Redacted }
  Token: { readonly token: Redacted.Redacted }
  Tokens: { readonly token: Effect.Effect<Redacted.Redacted, unknown> }
  Proxy: Proxied
}>

const said = Data.taggedEnum<Said>()

/** It is no part of what the credentials say, so that equal ones stay equal. */
const working = (auth: Said, works: Works): Auth => Object.defineProperty(auth, TypeId, { value: works }) as Auth

/**
 * No credentials: the server sees an anonymous request.
 *
 * @example
 * import { Auth, CouchHttp, Database } from "effect-couchdb"
 *
 * const asAnybody = Database.info("zoo").pipe(CouchHttp.withAuth(Auth.none))
 *
 * @since 0.1.0
 * @category constructors
 */
export const none: Auth = working(said.None(), fixed.fixed(() => ({})))

/**
 * User and password with every request, as UTF-8.
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
  working(said.Basic({ username, password }), fixed.basic(username, password))

/**
 * A session that is kept: `POST /_session` before the first request, and again before the cookie expires, if the server
 * did not prolong it by then as it does in its answers. Where a request is refused with 401, the session is begun anew and
 * the request repeated, once; so it also serves where cookies have no expiry. Any number of fibers share one login.
 *
 * A wrong password is an `UnauthorizedError` for `/_session`, and is not tried again for some seconds, then minutes, since
 * five wrong ones lock an account: `AccountLockedError`.
 *
 * A body that is a stream is sent twice only if nothing of it was read.
 *
 * In a browser the cookie is the browser's own, and is neither read nor sent from here. A browser keeps and sends the cookie
 * of another origin only if requests include credentials, and CouchDB must allow them for the page's origin
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
  working(said.Session({ username, password }), renewed.session(username, password))

/**
 * A session that somebody else began: the value of its `AuthSession` cookie. It is not renewed.
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
  working(said.Cookie({ cookie }), fixed.fixed(() => fixed.ofCookie(Redacted.value(cookie))))

/**
 * A JSON Web Token, for servers whose `jwt_authentication_handler` is on. An effect is run for the first request, again
 * before the `exp` of its token, and again where the server refuses the token (with 401, or with 400 where it cannot check
 * its signature), whose request is then repeated once. A token without `exp` serves until it is refused. Any number of fibers share one run, which fails with a
 * `CredentialsError` where the effect fails.
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
    ? working(said.Tokens({ token }), renewed.tokens(token))
    : working(said.Token({ token }), fixed.fixed(() => fixed.ofToken(Redacted.value(token))))

/**
 * A user that this program vouches for, on servers whose `proxy_authentication_handler` is on: the name, the roles, and
 * the name signed with the server's secret (`chttpd_auth/secret`), which it demands where `proxy_use_secret` is on.
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
  return working(said.Proxy(user), proxied(user))
}
