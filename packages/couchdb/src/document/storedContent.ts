import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { InvalidIdError } from "../data/errors.js"
import type { WireError } from "../http/bulk/errors.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import type { Bound } from "./Collection.js"
import { type Recorded, TypeId, type Writing } from "./recorder.js"

/** What a write stores where nothing is recorded. */
export const plainly = ({ kind, over, raw, remains }: Pick<Writing, "kind" | "over" | "raw" | "remains">): Recorded =>
  kind === "delete"
    ? { body: remains ?? {}, over, stubs: Option.none() }
    : { body: raw, over, stubs: Option.flatMap(over, ({ stubs }) => stubs) }

/** What a write stores, over what, with its record where the collection keeps lineage. */
export const toStore = (
  { database, lineage }: Pick<Bound<unknown>, "database" | "lineage">,
  writing: Omit<Writing, "database">
): Effect.Effect<Recorded, InvalidIdError | WireError, CouchHttp> =>
  lineage === undefined ? Effect.succeed(plainly(writing)) : lineage[TypeId](lineage, { ...writing, database })
