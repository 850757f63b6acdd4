/**
 * The result of an effectful edit: keep the document, change it, or delete it.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type { Members } from "./Document.js"

/**
 * The members that the tombstone of a document keeps: names of its top-level members, or members. A member that is a
 * value of the body, with the same name there, is kept exactly as stored. See `Document.Keep`.
 *
 * @since 0.1.0
 * @category model
 */
export type Keep = ReadonlyArray<string> | Members

/**
 * The action of `Document.updateEffect` on the document that it read.
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
 * Writes nothing.
 *
 * @since 0.1.0
 * @category constructors
 */
export const keep: Edit<never> = Edit_.Keep()

/**
 * Replaces the body of the document.
 *
 * @since 0.1.0
 * @category constructors
 */
export const change = <A>(body: A): Edit<A> => Edit_.Change({ body })

/**
 * The edit that deletes a document. As a function it makes an edit whose tombstone keeps members.
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
   * Deletes the document. With `keep`, its tombstone keeps members, as with `Document.deleteWith`.
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
 * Matches an edit with one function for each kind.
 *
 * @since 0.1.0
 * @category folding
 */
export const match = Edit_.$match
