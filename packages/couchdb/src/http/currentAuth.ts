import * as FiberRef from "effect/FiberRef"
import { globalValue } from "effect/GlobalValue"
import * as Option from "effect/Option"
import type { Auth } from "./Auth.js"

/** The credentials of a fiber, if they differ from those of its `CouchHttp`. */
export const currentAuth = globalValue(
  Symbol.for("effect-couchdb/CouchHttp/currentAuth"),
  () => FiberRef.unsafeMake<Option.Option<Auth>>(Option.none())
)
