import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Json from "../data/Json.js"
import type { Revision } from "../data/Revision.js"
import { decode } from "../document/codec.js"
import type { Bound } from "../document/Collection.js"
import * as value from "../document/value.js"
import { readVersions, type Version } from "../http/bulk/bulkGetVersions.js"
import type { WireError } from "../http/bulk/errors.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import type { RawDocument } from "../http/rawDocument.js"
import { filesOf } from "./files.js"
import { keptBody } from "./mergeTombstone.js"
import { type Head, PolicyFailure } from "./pairMerge.js"

/** Reads the body of a common ancestor, if it is available and matches the schema. */
export type ReadAncestor<A, R> = (rev: Revision) => Effect.Effect<
  Option.Option<Head<A, R>>,
  PolicyFailure<WireError>,
  CouchHttp | R
>

/** A document whose merge needs the ancestors `wanted`. */
interface WithAncestors {
  readonly id: string
  readonly versions: ReadonlyArray<Version>
  readonly wanted: ReadonlyArray<Revision>
}

/** Decodes a version. */
export const headOf = <A, R>(collection: Bound<A, R>, id: string, raw: RawDocument) =>
  Effect.either(Effect.map(decode(collection, raw), (base): Head<A, R> => ({
    document: value.clean(collection, id, "quorum", base),
    raw: raw.raw,
    files: filesOf(raw.rev, raw.stubs)
  })))

/** The bodies of common ancestors, from the server or from the tombstone of a merged version. */
export const ancestorsOf = <A, R>(
  collection: Bound<A, R>,
  { id, versions, wanted }: WithAncestors,
  found: ReadonlyArray<RawDocument>
): ReadAncestor<A, R> => {
  const kept = versions.flatMap(({ raw }) =>
    Option.toArray(Option.map(keptBody(raw), ({ doc, of }): RawDocument => ({
      id,
      rev: of,
      deleted: false,
      stubs: raw.stubs,
      raw: doc,
      plain: Json.toPlain(doc),
      special: () => undefined
    })))
  )
  const known = new Map<Revision, RawDocument>()
  const add = (raw: RawDocument): void => {
    if (!raw.deleted && !known.has(raw.rev)) known.set(raw.rev, raw)
  }
  for (const raw of [...found, ...kept]) add(raw)
  const requested = new Set(wanted)
  const read = new Map<Revision, Option.Option<Head<A, R>>>()
  return (rev) =>
    Effect.gen(function*() {
      const before = read.get(rev)
      if (before !== undefined) return before
      if (!known.has(rev) && !requested.has(rev)) {
        requested.add(rev)
        const more = yield* readVersions(collection.database, [{ id, rev }]).pipe(
          Effect.mapError((error) => new PolicyFailure(error))
        )
        for (const { raw } of more) add(raw)
      }
      const raw = known.get(rev)
      // An ancestor that does not match the schema cannot serve as a base.
      const head = raw === undefined ? Option.none() : Either.getRight(yield* headOf(collection, id, raw))
      read.set(rev, head)
      return head
    })
}
