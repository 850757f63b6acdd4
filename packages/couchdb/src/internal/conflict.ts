import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Prototype } from "effect/Pipeable"
import type * as Conflict from "../Conflict.js"
import type { ConflictError, InvalidIdError, NotFoundError, RequestError, Standing } from "../CouchError.js"
import type { CouchHttp } from "../CouchHttp.js"
import * as DatabaseName from "../DatabaseName.js"
import { readRaw } from "./document/read.js"

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the conflict of any document
type AnyConflict = ConflictError<any, any, any>

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- an effect that settles any document
type Settling = Effect.Effect<any, any, any>

/** A function becomes a policy: pipeable, and generic in what it is called with. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a policy for every document
const policy = <E, R>(settle: (conflict: AnyConflict) => Settling): Conflict.Policy<any, E, R> =>
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- a policy for every document
  Object.assign((conflict: AnyConflict) => settle(conflict), Prototype) as Conflict.Policy<any, E, R>

/** What stands on the server; `None` where the document is gone. */
const standing = (
  conflict: AnyConflict
): Effect.Effect<Option.Option<Standing>, InvalidIdError | RequestError | NotFoundError, CouchHttp> =>
  Effect.flatMap(DatabaseName.decode(conflict.database), (database) => readRaw(database, conflict.id, "")).pipe(
    Effect.map(({ rev, stubs }) => Option.some({ rev, stubs })),
    Effect.catchIf(
      (error) => error._tag === "NotFoundError" && (error.reason === "missing" || error.reason === "deleted"),
      () => Effect.succeedNone
    )
  )

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a policy for every document
export const ignore: Conflict.Policy<any> = policy(({ attempted }) => Effect.succeed(attempted))

export const overwrite: Conflict.Policy<
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- a policy for every document
  any,
  Conflict.Again | InvalidIdError | RequestError,
  CouchHttp
> = policy((conflict) => Effect.flatMap(standing(conflict), conflict.repeat))
