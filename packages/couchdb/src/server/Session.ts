/**
 * Sessions: the user of a request, and cookies for programs that manage them themselves.
 *
 * To use sessions, configure `CouchHttp` with `Auth.session`, which logs in and renews the session automatically.
 *
 * @since 0.1.0
 */
import type * as DateTime from "effect/DateTime"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { CouchHttp } from "../http/CouchHttp.js"
import type { NotFoundError, RequestError } from "../http/errors.js"
import { sendDecoded } from "../http/send.js"
import * as internal from "./sessionInfo.js"

/**
 * The user of a request, as the server sees it.
 *
 * - `name`: `None` for an anonymous request
 * - `roles`: includes `_admin` for a server admin
 * - `method`: the handler that authenticated the user: `cookie`, `default` (user and password), `jwt` or `proxy`;
 *   `None` for an anonymous request
 * - `methods`: the enabled handlers
 *
 * @since 0.1.0
 * @category schemas
 */
export const Info = Schema.Struct({
  userCtx: Schema.Struct({ name: Schema.OptionFromNullOr(Schema.String), roles: Schema.Array(Schema.String) }),
  info: Schema.Struct({
    authenticated: Schema.optionalWith(Schema.String, { as: "Option" }),
    authentication_handlers: Schema.optionalWith(Schema.Array(Schema.String), { default: () => [] })
  })
}).pipe(Schema.transform(
  Schema.typeSchema(Schema.Struct({
    name: Schema.OptionFromSelf(Schema.String),
    roles: Schema.Array(Schema.String),
    method: Schema.OptionFromSelf(Schema.String),
    methods: Schema.Array(Schema.String)
  })),
  {
    strict: true,
    decode: ({ info, userCtx }) => ({
      name: userCtx.name,
      roles: userCtx.roles,
      method: info.authenticated,
      methods: info.authentication_handlers
    }),
    encode: ({ method, methods, name, roles }) => ({
      userCtx: { name, roles },
      info: { authenticated: method, authentication_handlers: methods }
    })
  }
))

/**
 * @since 0.1.0
 * @category model
 */
export type Info = typeof Info.Type

/**
 * A new session, to be used with `Auth.cookie(session.cookie)`. `expires` is when it expires by the local clock, or
 * `None` if the server does not send it.
 *
 * @since 0.1.0
 * @category model
 */
export interface Session {
  readonly name: string
  readonly roles: ReadonlyArray<string>
  readonly cookie: Redacted.Redacted
  readonly expires: Option.Option<DateTime.Utc>
}

/**
 * Returns the user of the request: `GET /_session`.
 *
 * @example
 * import { Effect } from "effect"
 * import { Session } from "effect-couchdb"
 *
 * const isAdmin = Effect.map(Session.info, ({ roles }) => roles.includes("_admin"))
 *
 * @since 0.1.0
 * @category operations
 */
export const info: Effect.Effect<Info, NotFoundError | RequestError, CouchHttp> = sendDecoded(Info, {
  method: "GET",
  path: "/_session",
  route: "/_session"
})

/**
 * Starts a session with these credentials only: `POST /_session`. Fails with an `UnauthorizedError` if the name or
 * password is wrong, and with an `AccountLockedError` after too many attempts. In a browser, which hides the cookie
 * from scripts, it fails with a `ServerError` after the browser has stored the cookie.
 *
 * @example
 * import { Effect, Redacted } from "effect"
 * import { Auth, CouchHttp, Database, Session } from "effect-couchdb"
 *
 * const program = Effect.gen(function*() {
 *   const session = yield* Session.login("ada", Redacted.make("secret"))
 *   return yield* Database.info("zoo").pipe(CouchHttp.withAuth(Auth.cookie(session.cookie)))
 * })
 *
 * @since 0.1.0
 * @category operations
 */
export const login: (
  name: string,
  password: Redacted.Redacted
) => Effect.Effect<Session, NotFoundError | RequestError, CouchHttp> = internal.login

/**
 * Ends the session: `DELETE /_session`. `Auth.session` starts a new one for the next request. CouchDB keeps no list of
 * sessions: it only removes the cookie from this client, and any other copy of the cookie remains valid.
 *
 * @example
 * import { Session } from "effect-couchdb"
 *
 * const program = Session.logout
 *
 * @since 0.1.0
 * @category operations
 */
export const logout: Effect.Effect<void, NotFoundError | RequestError, CouchHttp> = internal.logout
