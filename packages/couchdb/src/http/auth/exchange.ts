import * as Effect from "effect/Effect"
import { type Auth, TypeId } from "../Auth.js"
import type { CouchRequest, FromServer } from "../CouchHttp.js"
import type { HttpError } from "../errors.js"
import type { BufferedResponse } from "../Transport.js"
import type { Headers } from "./fixedHeaders.js"
import type { AuthResponse } from "./rejected.js"

/** One exchange with the given headers, its status mapped to an error. */
export type Send = (request: CouchRequest, headers: Headers) => Effect.Effect<BufferedResponse & FromServer, HttpError>

/** The response to one attempt. `buffered` is the response with its body in memory and its connection released. */
export interface Attempt<Response> {
  readonly response: Response
  readonly buffered: Effect.Effect<Response>
}

/**
 * Sends with credentials, and once more with new ones if the server no longer accepts these. `body` reports whether the
 * request body is a stream, and whether it was read from: such a request cannot be sent again.
 */
export type Exchange = <Response extends AuthResponse, R>(
  body: { readonly streams: boolean; readonly read: () => boolean },
  send: (headers: Headers) => Effect.Effect<Attempt<Response>, HttpError, R>
) => Effect.Effect<Response, HttpError, R>

/** Credentials in use: fixed headers, or headers that are renewed. */
export type Authenticator =
  | { readonly _tag: "Fixed"; readonly headers: Headers }
  | { readonly _tag: "Renewing"; readonly exchange: Exchange }

/**
 * Makes the authenticator of an `Auth` for one server. Each `Auth` carries its own, so that bundles omit the others.
 */
export type AuthenticatorFactory = (send: Send) => Authenticator

/** The authenticator of each `Auth` at one server, kept as long as the `Auth` is referenced. */
export const makeAuthenticators = (send: Send): (auth: Auth) => Authenticator => {
  const all = new WeakMap<Auth, Authenticator>()
  return (auth) => {
    const existing = all.get(auth)
    if (existing !== undefined) return existing
    const made = auth[TypeId](send)
    all.set(auth, made)
    return made
  }
}

export const exchange = <Response extends AuthResponse, R>(
  authenticator: Authenticator,
  body: { readonly streams: boolean; readonly read: () => boolean },
  send: (headers: Headers) => Effect.Effect<Attempt<Response>, HttpError, R>
): Effect.Effect<Response, HttpError, R> =>
  authenticator._tag === "Fixed"
    ? Effect.map(send(authenticator.headers), ({ response }) => response)
    : authenticator.exchange(body, send)
