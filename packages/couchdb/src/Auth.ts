/**
 * Who asks: the credentials that `CouchHttp` sends.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Encoding from "effect/Encoding"
import * as Redacted from "effect/Redacted"

/**
 * Credentials: none, or user and password with every request.
 *
 * @since 0.1.0
 * @category model
 */
export type Auth = Data.TaggedEnum<{
  None: {}
  Basic: { readonly username: string; readonly password: Redacted.Redacted }
}>

const Auth_ = Data.taggedEnum<Auth>()

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
export const none: Auth = Auth_.None()

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
export const basic = (username: string, password: Redacted.Redacted): Auth => Auth_.Basic({ username, password })

/**
 * The headers that say so.
 *
 * @since 0.1.0
 * @category encoding
 */
export const headers: (auth: Auth) => Readonly<Record<string, string>> = Auth_.$match({
  None: () => ({}),
  Basic: ({ password, username }) => ({
    authorization: `Basic ${Encoding.encodeBase64(`${username}:${Redacted.value(password)}`)}`
  })
})
