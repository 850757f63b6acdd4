import { assert, describe, it } from "@effect/vitest"
import { Merge } from "effect-couchdb"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"
import { runs } from "../support/deep.js"

type Grain = "line" | "word" | "character"

const merge = (grain: Grain, base: string, mine: string, theirs: string): string | undefined =>
  Option.getOrUndefined(
    Either.getRight(Merge.fromStrategy(Merge.text(grain))({ base: Option.some(base), mine, theirs }))
  )

const lines = (words: string): string => words.split(" ").map((word) => `${word}\n`).join("")

/** How often each word stands there. */
const counted = (words: ReadonlyArray<string>): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>()
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1)
  return counts
}

type Change =
  | { readonly _tag: "Add"; readonly at: number }
  | { readonly _tag: "Remove"; readonly at: number }
  | { readonly _tag: "Move"; readonly at: number; readonly to: number }

const at = FastCheck.nat(20)

const change: FastCheck.Arbitrary<Change> = FastCheck.oneof(
  FastCheck.record({ _tag: FastCheck.constant("Add" as const), at }),
  FastCheck.record({ _tag: FastCheck.constant("Remove" as const), at }),
  FastCheck.record({ _tag: FastCheck.constant("Move" as const), at, to: at })
)

/** The words after the changes; each word that is added is a new one. */
const changed = (base: ReadonlyArray<string>, changes: ReadonlyArray<Change>, side: string): ReadonlyArray<string> => {
  const words = [...base]
  changes.forEach((each, i) => {
    if (each._tag === "Add") words.splice(each.at % (words.length + 1), 0, `${side}${i}`)
    if (each._tag === "Remove") words.splice(each.at % Math.max(1, words.length), 1)
    if (each._tag === "Move") {
      const moved = words.splice(each.at % Math.max(1, words.length), 1)
      words.splice(each.to % (words.length + 1), 0, ...moved)
    }
  })
  return words
}

const versions = FastCheck.tuple(
  FastCheck.integer({ min: 1, max: 14 }),
  FastCheck.array(change, { maxLength: 5 }),
  FastCheck.array(change, { maxLength: 5 })
).map(([length, mine, theirs]) => {
  const base = Array.from({ length }, (_, i) => `w${i}`)
  return { base, mine: changed(base, mine, "m"), theirs: changed(base, theirs, "t") }
})

describe("a merged text", () => {
  for (const [grain, of] of [["word", (words: string) => words], ["line", lines]] as const) {
    it(`has no ${grain} twice that both sides moved to two places`, () => {
      assert.strictEqual(
        merge(grain, of("a b c d e f g"), of("b c a d e f g h"), of("b c d a e f g")),
        undefined
      )
      // To one place is no clash.
      assert.strictEqual(merge(grain, of("a b c d e"), of("b a c d e"), of("b a c d f")), of("b a c d f"))
      assert.strictEqual(merge(grain, of("a b c d e f"), of("b a c d e f"), of("a b c d f e")), of("b a c d f e"))
    })

    it(`has no ${grain} that one side moved and the other removed`, () => {
      assert.strictEqual(
        merge(grain, of("a b c d e f g h"), of("a e b c d f g h"), of("a b c d f x g h")),
        undefined
      )
    })

    it(`has each ${grain} once that one side added and none removed`, () => {
      const join = (words: ReadonlyArray<string>): string => of(words.join(" "))
      let clean = 0
      FastCheck.assert(
        FastCheck.property(versions, (texts) => {
          const merged = merge(grain, join(texts.base), join(texts.mine), join(texts.theirs))
          if (merged === undefined) return
          clean++
          const counts = counted(merged.match(/\S+/g) ?? [])
          const all = new Set([...texts.base, ...texts.mine, ...texts.theirs])
          for (const word of all) {
            const removed = texts.base.includes(word) && !(texts.mine.includes(word) && texts.theirs.includes(word))
            assert.strictEqual(counts.get(word) ?? 0, removed ? 0 : 1, `${word} in ${merged}`)
          }
          for (const word of counts.keys()) assert.isTrue(all.has(word), `${word} in ${merged}`)
        }),
        runs(1_000, 20_000).fastCheck
      )
      // Else nothing was tried.
      assert.isAbove(clean, 0)
    })
  }

  it("does not bring a word back that white space made diff3 take for a moved one", () => {
    const [base, mine, theirs] = ["0 1 2 3 4 5 6", "0 1 2 3 4 6", "9 7 5 8 a 6"]
    for (const merged of [merge("word", base, mine, theirs), merge("word", base, theirs, mine)]) {
      assert.strictEqual(merged, undefined)
    }
  })

  it("by character has no word twice that both sides moved, nor one that one of them removed", () => {
    const base = "one two three four five six seven"
    assert.strictEqual(
      merge("character", base, "two three one four five six seven", "two three four five six one seven"),
      undefined
    )
    assert.strictEqual(
      merge("character", base, "two three one four five six seven", "two three four five six seven"),
      undefined
    )
    // Words come about of parts there.
    assert.strictEqual(merge("character", "a colour", "a colours", "a color"), "a colors")
  })

  it("may contain what both sides added, once for one place, twice for two", () => {
    assert.strictEqual(merge("word", "a b c d", "a x b c d", "a x b c e"), "a x b c e")
    assert.strictEqual(merge("word", "a b c d", "x a b c d", "a b c x d"), "x a b c x d")
    assert.strictEqual(merge("word", "the a the b the", "a the b the", "the a the b"), "a the b")
  })
})
