/**
 * Sessions: who the server thinks is asking, and cookies for those who keep them themselves.
 *
 * A program that only wants to use sessions gives `Auth.session` to its `CouchHttp`, which logs in and renews by itself.
 *
 * @since 0.1.0
 */
import type * as DateTime from "effect/DateTime"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { askFor } from "../http/ask.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import type { NotFoundError, RequestError } from "../http/errors.js"
import * as internal from "./sessionInfo.js"

/**
 * Who the server thinks is asking.
 *
 * - `name`: `None` for an anonymous request
 * - `roles`: `_admin` among them for an administrator of the server
 * - `method`: the handler that knew the user: `cookie`, `default` (user and password), `jwt`, `proxy`; `None` for nobody
 * - `methods`: the handlers that are on
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
 * A session that was begun. `Auth.cookie(session.cookie)` uses it; `expires` is when it is over by the clock here, `None`
 * where the server does not say.
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
 * Who the server thinks is asking: `GET /_session`.
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
export const info: Effect.Effect<Info, NotFoundError | RequestError, CouchHttp> = askFor(Info, {
  method: "GET",
  path: "/_session",
  route: "/_session"
})

/**
 * Begins a session, with no other credentials than these: `POST /_session`. A wrong name or password is an
 * `UnauthorizedError`, an account with too many of them an `AccountLockedError`. In a browser, which hides the cookie, this
 * fails with a `ServerError` after the browser has taken it.
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
 * Ends the session: `DELETE /_session`. An `Auth.session` starts another one for the next request. CouchDB keeps no list
 * of sessions: it only removes the cookie of this client, and another client with the same cookie can still use it.
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
