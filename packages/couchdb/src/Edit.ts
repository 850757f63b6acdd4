/**
 * The answer of an effectful edit: keep the document, change it, or delete it.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"

/**
 * What `Document.updateEffect` is to do with the document that was read.
 *
 * @since 0.1.0
 * @category model
 */
export type Edit<A> = Data.TaggedEnum<{
  Keep: {}
  Change: { readonly body: A }
  Delete: {}
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

const delete_: Edit<never> = Edit_.Delete()
export {
  /**
   * The document is deleted.
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
