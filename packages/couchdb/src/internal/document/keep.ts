import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { EncodeError, type SchemaIssue } from "../../CouchError.js"
import type { Document, Keep, Members } from "../../Document.js"
import * as Json from "../../Json.js"

/** A version that is deleted: its members as they are stored, and its body. */
export interface Deleted<A> {
  readonly raw: Json.JsonObject
  readonly body: A
}

/** What the document value says of itself. */
export const ownVersion = <A, R>(self: Document<A, R>): Deleted<A> =>
  Option.getOrElse(self.base, (): Deleted<A> => ({ raw: {}, body: self.body }))

const reserved = (name: string): SchemaIssue => ({
  path: [name],
  expected: "a name without an underscore in front, which CouchDB keeps for itself"
})

const isNames = <A>(keep: Keep<A>): keep is ReadonlyArray<string> => Array.isArray(keep)

/** Whether the member is handed on as the body has it, so that it is stored as it was. */
const isUntouched = (body: unknown, name: string, value: unknown): boolean =>
  typeof body === "object" && body !== null && Object.hasOwn(body, name) &&
  Object.is((body as Members)[name], value)

/** The members that the tombstone of a version keeps. */
export const membersKept = <A, R>(
  { collection, id }: Document<A, R>,
  keep: Keep<A>,
  { body, raw }: Deleted<A>
): Either.Either<Json.JsonObject, EncodeError> => {
  const issues: Array<SchemaIssue> = []
  const own = collection.lineage?.field
  const entries: Array<readonly [string, Json.Json]> = []
  const add = (name: string, value: () => Json.Json | undefined): void => {
    if (name.startsWith("_")) issues.push(reserved(name))
    else if (Json.hasLoneSurrogate(name)) issues.push({ path: [name], expected: "a name without a lone surrogate" })
    else if (name !== own) {
      const json = value()
      if (json !== undefined) entries.push([name, json])
    }
  }
  if (isNames(keep)) { for (const name of new Set(keep)) add(name, () => Json.get(raw, name)) }
  else {
    const members = typeof keep === "function" ? keep(body) : keep
    for (const [name, value] of Json.entries(members as Json.JsonObject) as ReadonlyArray<readonly [string, unknown]>) {
      add(name, () => {
        if (value === undefined) return undefined
        const stored = isUntouched(body, name, value) ? Json.get(raw, name) : undefined
        if (stored !== undefined) return stored
        return Either.getOrElse(Json.fromUnknown(value), ({ path, problem }) => {
          issues.push({ path: [name, ...path], expected: problem })
          return undefined
        })
      })
    }
  }
  return issues.length === 0
    ? Either.right(Json.fromEntries(entries))
    : Either.left(new EncodeError({ database: collection.database, id, issues }))
}
