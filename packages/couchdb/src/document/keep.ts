import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { structural } from "../data/equivalence.js"
import * as Json from "../data/Json.js"
import { isObject } from "../data/json/copy.js"
import { type SchemaIssue } from "../http/errors.js"
import { exposedOf, own as ownBase, rawOf, type State, stateOf } from "./base.js"
import type { Base, Document, Keep, Members } from "./Document.js"
import { EncodeError } from "./errors.js"

/** A version to delete: its members as stored, and the base with its body. */
export interface Deleted<A> {
  readonly raw: Json.JsonObject
  readonly base: Option.Option<Base<A>>
}

/** The version of the document value itself. */
export const ownVersion = <A, R>({ base }: Document<A, R>): Deleted<A> => ({
  raw: Option.match(base, { onNone: () => ({}), onSome: rawOf }),
  base
})

const reserved = (name: string): SchemaIssue => ({
  path: [name],
  expected: "a name that does not begin with an underscore, since CouchDB reserves those"
})

const isNames = <A>(keep: Keep<A>): keep is ReadonlyArray<string> => Array.isArray(keep)

const has = (body: unknown, name: string, value: unknown): boolean =>
  typeof body === "object" && body !== null && Object.hasOwn(body, name) && Object.is((body as Members)[name], value)

/**
 * Whether a returned member is the one of the body and was not edited in place, so that it is kept exactly as stored.
 */
const isUntouched = <A>(exposed: A, { body, edited, opaque }: State<A>, name: string, value: unknown): boolean =>
  has(exposed, name, value) &&
  // An edit of an opaque body cannot be attributed to a member.
  (!edited || !isObject(value) || (!opaque && structural((body as Members)[name], value)))

/** The members that the tombstone of a version keeps. */
export const membersKept = <A, R>(
  { body, collection, id }: Document<A, R>,
  keep: Keep<A>,
  { base, raw }: Deleted<A>
): Either.Either<Json.JsonObject, EncodeError> => {
  const issues: Array<SchemaIssue> = []
  const record = collection.lineage?.field
  const entries: Array<readonly [string, Json.Json]> = []
  const add = (name: string, value: () => Json.Json | undefined): void => {
    if (name.startsWith("_")) issues.push(reserved(name))
    else if (Json.hasLoneSurrogate(name)) issues.push({ path: [name], expected: "a name without a lone surrogate" })
    else if (name !== record) {
      const json = value()
      if (json !== undefined) entries.push([name, json])
    }
  }
  if (isNames(keep)) { for (const name of new Set(keep)) add(name, () => Json.get(raw, name)) }
  else {
    // A function gets its own body: it may edit it in place, and a repeated delete calls it again.
    const own = typeof keep === "function" ? Option.map(base, (base) => ownBase(base)) : base
    const members = typeof keep === "function"
      ? keep(Option.match(own, { onNone: () => body, onSome: exposedOf }))
      : keep
    const versions = [...Option.toArray(own), ...(own === base ? [] : Option.toArray(base))]
      .map((base) => [exposedOf(base), stateOf(base)] as const)
    for (const [name, value] of Json.entries(members as Json.JsonObject) as ReadonlyArray<readonly [string, unknown]>) {
      add(name, () => {
        if (value === undefined) return undefined
        const stored = versions.some(([exposed, state]) => isUntouched(exposed, state, name, value))
          ? Json.get(raw, name)
          : undefined
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
