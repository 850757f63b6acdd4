import * as Effect from "effect/Effect"
import { type Auth, TypeId } from "../Auth.js"
import type { CouchRequest, FromServer } from "../CouchHttp.js"
import type { HttpError } from "../errors.js"
import type { BufferedResponse } from "../Transport.js"
import type { Headers } from "./fixedHeaders.js"
import type { Answered } from "./rejected.js"

/** One exchange with headers of one's own, its status mapped. */
export type Ask = (request: CouchRequest, headers: Headers) => Effect.Effect<BufferedResponse & FromServer, HttpError>

/** The response to one attempt. `buffered` is the response with its body in memory and its connection released. */
export interface Attempt<Response> {
  readonly response: Response
  readonly buffered: Effect.Effect<Response>
}

/**
 * Sends with credentials, and once more with others where the server does not know these any more. `body` says whether the
 * request has a stream for a body, and whether anybody has read of it: then it cannot be sent again.
 */
export type Exchange = <Response extends Answered, R>(
  body: { readonly streams: boolean; readonly read: () => boolean },
  send: (headers: Headers) => Effect.Effect<Attempt<Response>, HttpError, R>
) => Effect.Effect<Response, HttpError, R>

/** Credentials at work: headers that stay, or such as are renewed. */
export type Authenticator =
  | { readonly _tag: "Fixed"; readonly headers: Headers }
  | { readonly _tag: "Renewing"; readonly exchange: Exchange }

/** How an `Auth` is put to work at one server. An `Auth` brings it along, so that a program has the code of its own only. */
export type Works = (ask: Ask) => Authenticator

/** What each `Auth` remembers at one server, for as long as somebody holds the `Auth`. */
export const makeAuthenticators = (ask: Ask): (auth: Auth) => Authenticator => {
  const all = new WeakMap<Auth, Authenticator>()
  return (auth) => {
    const known = all.get(auth)
    if (known !== undefined) return known
    const made = auth[TypeId](ask)
    all.set(auth, made)
    return made
  }
}

export const exchange = <Response extends Answered, R>(
  authenticator: Authenticator,
  body: { readonly streams: boolean; readonly read: () => boolean },
  send: (headers: Headers) => Effect.Effect<Attempt<Response>, HttpError, R>
): Effect.Effect<Response, HttpError, R> =>
  authenticator._tag === "Fixed"
    ? Effect.map(send(authenticator.headers), ({ response }) => response)
    : authenticator.exchange(body, send)
