import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"
import type * as Types from "./Merge.js"

type Property = FastCheck.IProperty<[unknown, unknown, unknown, unknown]>

/** The laws as properties of a base and three edits of it. */
export const laws = <A>(
  merge: Types.Merge<A>,
  arbitrary: FastCheck.Arbitrary<A>
): ReadonlyArray<Types.Law> => {
  const same = merge.equivalence
  const from = (base: A, mine: A, theirs: A) => merge({ base: Option.some(base), mine, theirs })
  const law = (
    name: Types.LawName,
    says: string,
    holds: (base: A, x: A, y: A, z: A) => boolean
  ): Types.Law => ({
    name,
    says,
    check: (parameters) =>
      FastCheck.assert(
        FastCheck.property(arbitrary, arbitrary, arbitrary, arbitrary, holds) as unknown as Property,
        parameters
      )
  })
  const alike = (self: Either.Either<A, Types.Overlap>, that: Either.Either<A, Types.Overlap>): boolean =>
    Either.isRight(self) ? Either.isRight(that) && same(self.right, that.right) : Either.isLeft(that)

  return [
    law("totality", "any three versions merge to a value or an overlap, with and without a base", (base, x, y) => {
      const results = [from(base, x, y), merge({ base: Option.none(), mine: x, theirs: y })]
      return results.every((result) => Either.isRight(result) || result.left.clashes.length > 0)
    }),
    law(
      "baseNeutrality",
      "a side without changes gives way to the other side",
      (base, x) => alike(from(base, base, x), Either.right(x)) && alike(from(base, x, base), Either.right(x))
    ),
    law("idempotence", "two equal sides merge to the same value", (base, x) => {
      const result = from(base, x, x)
      return Either.isLeft(result) || same(result.right, x)
    }),
    law(
      "commutativity",
      "the result does not depend on which side made which edit",
      (base, x, y) => alike(from(base, x, y), from(base, y, x))
    ),
    law("associativity", "three edits of one base merge in any order, if they merge at all", (base, x, y, z) => {
      const left = Either.flatMap(from(base, x, y), (xy) => from(base, xy, z))
      const right = Either.flatMap(from(base, y, z), (yz) => from(base, x, yz))
      return Either.isLeft(left) || Either.isLeft(right) || same(left.right, right.right)
    })
  ]
}
