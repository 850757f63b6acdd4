/**
 * The answer of an effectful edit: keep the document, change it, or delete it.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type { Members } from "./Document.js"

/**
 * What the tombstone of a document keeps: names of its top-level members, or members. A member that is a value of the body,
 * under its name there, stays exactly as it is stored. See `Document.Keep`.
 *
 * @since 0.1.0
 * @category model
 */
export type Keep = ReadonlyArray<string> | Members

/**
 * What `Document.updateEffect` is to do with the document that was read.
 *
 * @since 0.1.0
 * @category model
 */
export type Edit<A> = Data.TaggedEnum<{
  Keep: {}
  Change: { readonly body: A }
  Delete: { readonly keep?: Keep | undefined }
}>

interface Definition extends Data.TaggedEnum.WithGenerics<1> {
  readonly taggedEnum: Edit<this["A"]>
}

const Edit_ = Data.taggedEnum<Definition>()

/**
 * Nothing is written.
 *
 * @since 0.1.0
 * @category constructors
 */
export const keep: Edit<never> = Edit_.Keep()

/**
 * The document gets this body.
 *
 * @since 0.1.0
 * @category constructors
 */
export const change = <A>(body: A): Edit<A> => Edit_.Change({ body })

/**
 * The edit that deletes a document, and the function that makes one which keeps members of it in the tombstone.
 *
 * @since 0.1.0
 * @category model
 */
export type Delete = Extract<Edit<never>, { readonly _tag: "Delete" }> & {
  (options: { readonly keep: Keep }): Edit<never>
}

const deleteKeeping = ({ keep }: { readonly keep: Keep }): Edit<never> => Edit_.Delete({ keep })

const delete_: Delete = /*#__PURE__*/ Object.assign(deleteKeeping, { _tag: "Delete" as const })
export {
  /**
   * The document is deleted. Called with `keep`, its tombstone keeps members of it, as that of `Document.deleteWith` does.
   *
   * @example
   * import { Effect, Schema } from "effect"
   * import { Collection, Document, Edit } from "effect-couchdb"
   *
   * const Card = Schema.Struct({ type: Schema.String, owner: Schema.String, done: Schema.Boolean })
   * const cards = Collection.make("office", Card)
   *
   * const tidy = Document.updateEffect(cards, "a", ({ done, owner, type }) =>
   *   Effect.succeed(done ? Edit.delete({ keep: { type, owner, deletedBy: "tidy" } }) : Edit.keep))
   *
   * @since 0.1.0
   * @category constructors
   */
  delete_ as delete
}

/**
 * One function for each kind of edit.
 *
 * @since 0.1.0
 * @category folding
 */
export const match = Edit_.$match
