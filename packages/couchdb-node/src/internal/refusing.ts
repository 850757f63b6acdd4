import { TransportError } from "effect-couchdb/CouchError"
import type { Service, TransportRequest } from "effect-couchdb/Transport"
import * as Effect from "effect/Effect"

/** A transport that fails every request without sending it. */
export const refusing = (reason: TransportError["reason"], description: string): Service => {
  const refuse = ({ method, origin, path }: TransportRequest): Effect.Effect<never, TransportError> =>
    Effect.fail(new TransportError({ server: origin, method, path, reason, description }))
  return { request: refuse, stream: refuse }
}
