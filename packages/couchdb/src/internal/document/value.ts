import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import { Prototype } from "effect/Pipeable"
import { hasProperty } from "effect/Predicate"
import type * as Attachment from "../../Attachment.js"
import type { Bound, Collection } from "../../Collection.js"
import { UnsavedDocumentError } from "../../CouchError.js"
import type { Durability } from "../../CouchHttp.js"
import type * as Types from "../../Document.js"
import type { Base, Document, Tombstone } from "../../Document.js"
import type { Revision } from "../../Revision.js"
import { structural } from "../equivalence.js"
import { attachmentsOf } from "../stubs.js"

export const TypeId: Types.TypeId = Symbol.for("effect-couchdb/Document") as Types.TypeId

const printable = {
  toString(this: { toJSON: () => unknown }): string {
    return Inspectable.format(this.toJSON())
  },
  [Inspectable.NodeInspectSymbol](this: { toJSON: () => unknown }): unknown {
    return this.toJSON()
  }
}

const DocumentProto = {
  [TypeId]: TypeId,
  _tag: "Document" as const,
  ...Prototype,
  // Read lazily and not kept: most documents have none, and few programs ask.
  get attachments(): Readonly<Record<string, Attachment.Stub>> {
    const base = (this as unknown as Document<unknown>).base
    return attachmentsOf(Option.flatMap(base, ({ stubs }) => stubs))
  },
  toJSON(this: Document<unknown>) {
    return {
      _tag: "Document",
      database: this.collection.database,
      id: this.id,
      rev: Option.getOrNull(this.rev),
      changed: changedPaths(this).map((path) => path.join("."))
    }
  },
  ...printable
}

const TombstoneProto = {
  [TypeId]: TypeId,
  _tag: "Tombstone" as const,
  ...Prototype,
  toJSON(this: Tombstone<unknown>) {
    return { _tag: "Tombstone", database: this.collection.database, id: this.id, rev: this.rev }
  },
  ...printable
}

interface Fields<A, R> {
  readonly collection: Bound<A, R>
  readonly id: string
  readonly rev: Option.Option<Revision>
  readonly body: A
  readonly durability: Durability
  readonly base: Option.Option<Base<A>>
}

export const document = <A, R>(fields: Fields<A, R>): Document<A, R> =>
  Object.assign(Object.create(DocumentProto), fields)

export const tombstone = <A, R>(fields: {
  readonly collection: Bound<A, R>
  readonly id: string
  readonly rev: Revision
  readonly durability: Durability
}): Tombstone<A, R> => Object.assign(Object.create(TombstoneProto), fields)

/** A document that the server does not have. */
export const unsaved = <A, R>(collection: Bound<A, R>, id: string, body: A): Document<A, R> =>
  document({ collection, id, rev: Option.none(), body, durability: "quorum", base: Option.none() })

/** A document just as the server has it. */
export const clean = <A, R>(
  collection: Bound<A, R>,
  id: string,
  durability: Durability,
  base: Base<A>
): Document<A, R> =>
  document({ collection, id, rev: Option.some(base.rev), body: base.body, durability, base: Option.some(base) })

export const make = <A, I, R, K>(collection: Collection<A, I, R, K>, id: K, body: A): Document<A, R> =>
  unsaved(collection, collection.id.encode(id), body)

const withBody = <A, R>(self: Document<A, R>, body: A): Document<A, R> => document({ ...self, body })

export const modify: {
  <A>(f: (body: A) => A): <R>(self: Document<A, R>) => Document<A, R>
  <A, R>(self: Document<A, R>, f: (body: A) => A): Document<A, R>
} = dual(2, <A, R>(self: Document<A, R>, f: (body: A) => A): Document<A, R> => withBody(self, f(self.body)))

export const isDirty = <A, R>(self: Document<A, R>): boolean =>
  Option.match(self.base, {
    onNone: () => true,
    onSome: ({ body }) => body !== self.body && !self.collection.equivalence(body, self.body)
  })

export const discard = <A, R>(self: Document<A, R>): Document<A, R> =>
  Option.match(self.base, { onNone: () => self, onSome: ({ body }) => withBody(self, body) })

export const isDocument = (value: unknown): value is Document<unknown, unknown> =>
  hasProperty(value, TypeId) && hasProperty(value, "_tag") && value._tag === "Document"

export const isTombstone = (value: unknown): value is Tombstone<unknown, unknown> =>
  hasProperty(value, TypeId) && hasProperty(value, "_tag") && value._tag === "Tombstone"

const isPlain = (value: unknown): value is Record<string, unknown> => {
  if (typeof value !== "object" || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

export const changedPaths = <A, R>(self: Document<A, R>): ReadonlyArray<ReadonlyArray<string>> => {
  const found: Array<ReadonlyArray<string>> = []
  const walk = (before: unknown, after: unknown, path: ReadonlyArray<string>): void => {
    if (structural(before, after)) return
    if (!isPlain(before) || !isPlain(after)) {
      found.push(path)
      return
    }
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      walk(before[key], after[key], [...path, key])
    }
  }
  if (isDirty(self)) walk(Option.getOrUndefined(Option.map(self.base, ({ body }) => body)) ?? {}, self.body, [])
  return found
}

export const revision = <A, R>(self: Document<A, R>): Effect.Effect<Revision, UnsavedDocumentError> =>
  demandRevision(self, "revision")

export const demandRevision = <A, R>(
  self: Document<A, R>,
  operation: UnsavedDocumentError["operation"]
): Effect.Effect<Revision, UnsavedDocumentError> =>
  Option.match(self.rev, {
    onNone: () => Effect.fail(new UnsavedDocumentError({ operation, database: self.collection.database, id: self.id })),
    onSome: Effect.succeed
  })

export const restore: {
  <A>(body: A): <R>(self: Tombstone<A, R>) => Document<A, R>
  <A, R>(self: Tombstone<A, R>, body: A): Document<A, R>
} = dual(2, <A, R>(self: Tombstone<A, R>, body: A): Document<A, R> => unsaved(self.collection, self.id, body))
