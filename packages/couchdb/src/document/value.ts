import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import { Prototype } from "effect/Pipeable"
import { hasProperty } from "effect/Predicate"
import { structural } from "../data/equivalence.js"
import type { Revision } from "../data/Revision.js"
import type { Durability } from "../http/CouchHttp.js"
import type { Stub } from "./attachmentStub.js"
import { attachmentsOf } from "./attachmentStubs.js"
import {
  baseStateOf,
  exposedOf,
  InternalsId,
  isDirtyAgainst,
  own as ownBase,
  stateOf,
  type Stored,
  unedited,
  withBody as baseWithBody
} from "./base.js"
import type { Bound, Collection } from "./Collection.js"
import type * as Types from "./Document.js"
import type { Base, Document, Tombstone } from "./Document.js"
import { UnsavedDocumentError } from "./errors.js"

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
  // Computed on access: most documents have no attachments, and few programs read them.
  get attachments(): Readonly<Record<string, Stub>> {
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

/** A document that is not stored. */
export const unsaved = <A, R>(collection: Bound<A, R>, id: string, body: A): Document<A, R> =>
  document({ collection, id, rev: Option.none(), body, durability: "quorum", base: Option.none() })

/** A document exactly as stored. */
export const clean = <A, R>(
  collection: Bound<A, R>,
  id: string,
  durability: Durability,
  base: Base<A>
): Document<A, R> =>
  document({
    collection,
    id,
    rev: Option.some(base.rev),
    // Not a function call, since every read makes a document.
    body: (base as Stored<A>)[InternalsId].exposed,
    durability,
    base: Option.some(base)
  })

/** The same document with a body that no other document shares. */
export const own = <A, R>(self: Document<A, R>): Document<A, R> =>
  Option.isSome(self.base) ? clean(self.collection, self.id, self.durability, ownBase(self.base.value)) : self

export const make = <A, I, R, K>(collection: Collection<A, I, R, K>, id: K, body: A): Document<A, R> =>
  unsaved(collection, collection.id.encode(id), body)

const withBody = <A, R>(self: Document<A, R>, body: A): Document<A, R> => document({ ...self, body })

export const modify: {
  <A>(f: (body: A) => A): <R>(self: Document<A, R>) => Document<A, R>
  <A, R>(self: Document<A, R>, f: (body: A) => A): Document<A, R>
} = dual(2, <A, R>(self: Document<A, R>, f: (body: A) => A): Document<A, R> => withBody(self, f(self.body)))

export const isDirty = <A, R>(self: Document<A, R>): boolean => isDirtyAgainst(self, baseStateOf(self))

/** The document without unsaved changes, if its edits do not change the stored members. */
export const asStored = <A, R>(self: Document<A, R>): Document<A, R> =>
  Option.match(self.base, {
    onNone: () => self,
    onSome: (base) =>
      self.body === exposedOf(base) && !stateOf(base).edited
        ? self
        : clean(self.collection, self.id, self.durability, baseWithBody(base, self.body))
  })

export const discard = <A, R>(self: Document<A, R>): Document<A, R> => {
  if (Option.isNone(self.base)) return self
  const base = unedited(self.base.value)
  return document({ ...self, body: exposedOf(base), base: Option.some(base) })
}

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
  const known = baseStateOf(self)
  if (!isDirtyAgainst(self, known)) return found
  walk(known?.body ?? {}, self.body, [])
  // If only the encoded body shows an edit, the whole body counts as edited.
  return found.length === 0 && known !== undefined ? [[]] : found
}

export const revision = <A, R>(self: Document<A, R>): Effect.Effect<Revision, UnsavedDocumentError> =>
  requireRevision(self, "revision")

export const requireRevision = <A, R>(
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
