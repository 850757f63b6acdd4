import { assert, describe, it } from "@effect/vitest"
import { Collection, Merge } from "effect-couchdb"
import * as Arbitrary from "effect/Arbitrary"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { runs } from "../support/deep.js"

const merged = <A>(merge: Merge.Merge<A>, base: A, mine: A, theirs: A): A =>
  Either.getOrThrowWith(merge({ base: Option.some(base), mine, theirs }), (overlap) => new Error(clashes(overlap)))

const clashes = (overlap: Merge.Overlap): string =>
  overlap.clashes.map(({ path, why }) => `${path.map(String).join(".")}: ${why}`).join("; ")

const overlap = <A>(merge: Merge.Merge<A>, base: A | undefined, mine: A, theirs: A): ReadonlyArray<string> => {
  const result = merge({ base: Option.fromNullable(base), mine, theirs })
  return Either.isLeft(result) ? result.left.clashes.map(({ path }) => path.map(String).join(".")) : []
}

const Line = Schema.Struct({ id: Schema.String, text: Schema.String, done: Schema.Boolean })
const lineKey = (line: typeof Line.Type) => line.id

describe("leaves", () => {
  const counter = Merge.fromStrategy<number>(Merge.counter)

  it("equal: the changed side wins, two different changes overlap, nothing is guessed", () => {
    const equal = Merge.fromStrategy<string>(Merge.equal)
    assert.strictEqual(merged(equal, "a", "b", "a"), "b")
    assert.strictEqual(merged(equal, "a", "a", "b"), "b")
    assert.strictEqual(merged(equal, "a", "b", "b"), "b")
    assert.deepStrictEqual(overlap(equal, "a", "b", "c"), [""])
    assert.deepStrictEqual(overlap(equal, undefined, "b", "c"), [""])
    assert.deepStrictEqual(overlap(equal, undefined, "b", "b"), [])
  })

  it("counter: the base and both deltas; no base is no sum, and neither is one beyond the safe integers", () => {
    assert.strictEqual(merged(counter, 10, 13, 9), 12)
    assert.strictEqual(merged(Merge.fromStrategy<bigint>(Merge.counter), 10n, 13n, 9n), 12n)
    assert.deepStrictEqual(overlap(counter, undefined, 1, 2), [""])
    assert.deepStrictEqual(overlap(counter, 0, Number.MAX_SAFE_INTEGER, 1), [""])
    const without = counter.detailed({ base: Option.none(), mine: 4, theirs: 4 })
    assert.deepStrictEqual(without, Either.right({ value: 4, withoutBase: [[]] }))
  })

  it("set: adds and removes against the base, arrays and Sets", () => {
    const set = Merge.fromStrategy<ReadonlyArray<string>>(Merge.set)
    assert.deepStrictEqual(merged(set, ["a", "b"], ["a", "b", "d"], ["b", "c"]), ["b", "c", "d"])
    assert.deepStrictEqual(merged(set, ["a", "b"], ["a", "b"], ["b", "a"]), ["a", "b"])
    assert.deepStrictEqual(
      set.detailed({ base: Option.none(), mine: ["b"], theirs: ["a"] }),
      Either.right({ value: ["a", "b"], withoutBase: [[]] })
    )
    const sets = Merge.fromStrategy<ReadonlySet<number>>(Merge.set)
    assert.deepStrictEqual(merged(sets, new Set([1, 2]), new Set([2]), new Set([1, 2, 3])), new Set([2, 3]))
  })

  it("max, min, greatest and lastWriteWins need no base, and come to one result on both sides", () => {
    assert.strictEqual(merged(Merge.fromStrategy<number>(Merge.max), 5, 1, 3), 3)
    assert.strictEqual(merged(Merge.fromStrategy<string>(Merge.min), "x", "b", "a"), "a")
    interface Note {
      readonly at: number
      readonly text: string
    }
    const latest = Merge.fromStrategy(Merge.lastWriteWins((note: Note) => note.at))
    const [one, other] = [{ at: 1, text: "a" }, { at: 1, text: "b" }]
    assert.deepStrictEqual(merged(latest, one, one, other), merged(latest, one, other, one))
    assert.strictEqual(merged(latest, one, one, { at: 2, text: "c" }).text, "c")
  })

  it("text: edits of different places are both kept, of one place an overlap", () => {
    const text = Merge.fromStrategy(Merge.text())
    assert.strictEqual(
      merged(text, "the quick brown fox jumps", "the slow brown fox jumps", "the quick brown fox sleeps"),
      "the slow brown fox sleeps"
    )
    assert.deepStrictEqual(overlap(text, "a cat sat", "a dog sat", "a cow sat"), [""])
    assert.deepStrictEqual(overlap(text, undefined, "a", "b"), [""])
    const lines = Merge.fromStrategy(Merge.text("line"))
    assert.strictEqual(merged(lines, "1\n2\n3\n4\n5\n", "one\n2\n3\n4\n5\n", "1\n2\n3\n4\nfive"), "one\n2\n3\n4\nfive")
  })

  it("immutable, computed, custom and join", () => {
    const Order = Schema.Struct({
      id: Schema.String.pipe(Merge.annotate(Merge.immutable)),
      lines: Schema.Array(Schema.Number).pipe(Merge.annotate(Merge.union)),
      total: Schema.Number.pipe(
        Merge.annotate(Merge.computed((order) => (order["lines"] as ReadonlyArray<number>).reduce((a, b) => a + b, 0)))
      ),
      flags: Schema.Number.pipe(Merge.annotate(Merge.join((a: number, b: number) => a | b))),
      name: Schema.String.pipe(
        Merge.annotate(Merge.custom<string>(({ mine, theirs }) => Either.right([mine, theirs].sort().join(" & "))))
      )
    })
    const merge = Merge.make(Order)
    const base = { id: "x", lines: [1], total: 1, flags: 0, name: "n" }
    assert.deepStrictEqual(
      merged(merge, base, { ...base, lines: [1, 2], total: 3, flags: 1, name: "b" }, {
        ...base,
        lines: [1, 4],
        total: 5,
        flags: 4,
        name: "a"
      }),
      { id: "x", lines: [1, 2, 4], total: 7, flags: 5, name: "a & b" }
    )
    assert.deepStrictEqual(overlap(merge, base, { ...base, id: "y" }, base), ["id"])
  })
})

describe("lists by key", () => {
  const lines = Merge.make(Schema.Array(Line).pipe(Merge.annotate(Merge.list(lineKey))))
  const line = (id: string, text = id, done = false) => ({ id, text, done })
  const ids = (list: ReadonlyArray<typeof Line.Type>) => list.map(lineKey).join("")

  it("members merge as a set, elements by their schema, order as a value of its own", () => {
    const base = ["a", "b", "c"].map((id) => line(id))
    assert.deepStrictEqual(
      merged(lines, base, [line("a", "A"), line("b"), line("c")], [line("a", "a", true), line("b"), line("c")])[0],
      line("a", "A", true)
    )
    assert.strictEqual(ids(merged(lines, base, base.slice(1), [...base, line("d")])), "bcd")
    assert.strictEqual(ids(merged(lines, base, [line("x"), ...base], [line("y"), ...base])), "xyabc")
    assert.strictEqual(ids(merged(lines, base, [...base].reverse(), [...base, line("d")])), "cdba")
    assert.deepStrictEqual(overlap(lines, base, base.slice(1), [line("a", "A"), ...base.slice(1)]), [`"a"`])
    assert.deepStrictEqual(
      overlap(lines, base, [line("b"), line("a"), line("c")], [line("a"), line("c"), line("b")]),
      [""]
    )
  })

  it("two elements of one key are an overlap, not a guess", () => {
    assert.deepStrictEqual(overlap(lines, [], [line("a"), line("a")], [line("b")]), [""])
  })
})

describe("Merge.make", () => {
  it("merges structs member by member, and names every clash by its path", () => {
    const Nested = Schema.Struct({ a: Schema.Struct({ b: Schema.Number, c: Schema.Number }), d: Schema.String })
    const merge = Merge.make(Nested)
    const base = { a: { b: 1, c: 1 }, d: "d" }
    assert.deepStrictEqual(merged(merge, base, { a: { b: 2, c: 1 }, d: "d" }, { a: { b: 1, c: 3 }, d: "D" }), {
      a: { b: 2, c: 3 },
      d: "D"
    })
    assert.deepStrictEqual(overlap(merge, base, { a: { b: 2, c: 2 }, d: "x" }, { a: { b: 3, c: 2 }, d: "y" }), [
      "a.b",
      "d"
    ])
  })

  it("optional keys: removed wins over unchanged, and clashes with changed", () => {
    const Optional = Schema.Struct({
      x: Schema.optional(Schema.Number),
      y: Schema.optionalWith(Schema.Number, { exact: true })
    })
    const merge = Merge.make(Optional)
    assert.deepStrictEqual(merged(merge, { x: 1, y: 1 }, { y: 1 }, { x: 1 }), {})
    assert.deepStrictEqual(merged(merge, {}, { x: 1 }, { y: 2 }), { x: 1, y: 2 })
    assert.deepStrictEqual(overlap(merge, { x: 1 }, {}, { x: 2 }), ["x"])
    assert.deepStrictEqual(overlap(merge, undefined, {}, { x: 2 }), ["x"])
  })

  it("strategies are found through optional, defaults, renames, brands, filters, null and transformations", () => {
    const Count = Schema.Number.pipe(Merge.annotate(Merge.counter))
    const Text = Schema.NumberFromString.pipe(Merge.annotate(Merge.counter))
    const All = Schema.Struct({
      optional: Schema.optional(Count),
      defaulted: Schema.optionalWith(Count, { default: () => 0 }),
      fromText: Schema.optionalWith(Text, { default: () => 0 }),
      renamed: Schema.propertySignature(Text).pipe(Schema.fromKey("Renamed")),
      branded: Schema.Number.pipe(Schema.brand("N"), Merge.annotate(Merge.counter)),
      filtered: Count.pipe(Schema.positive()),
      nullable: Schema.NullOr(Count),
      plain: Text
    })
    const merge = Merge.make(All)
    const branded = (n: number) => All.fields.branded.make(n)
    const at = (n: number) => ({
      optional: n,
      defaulted: n,
      fromText: n,
      renamed: n,
      branded: branded(n),
      filtered: n,
      nullable: n,
      plain: n
    })
    assert.deepStrictEqual(merged(merge, at(10), at(11), at(12)), at(13))
  })

  it("a merged value that a filter refuses is an overlap", () => {
    const Small = Schema.Struct({ n: Schema.Number.pipe(Merge.annotate(Merge.counter), Schema.lessThan(10)) })
    assert.deepStrictEqual(overlap(Merge.make(Small), { n: 4 }, { n: 8 }, { n: 9 }), ["n"])
  })

  it("classes are rebuilt as instances, with their checks", () => {
    class Account extends Schema.Class<Account>("Account")({
      owner: Schema.String,
      balance: Schema.Number.pipe(Merge.annotate(Merge.counter))
    }) {
      get label() {
        return `${this.owner}: ${this.balance}`
      }
    }
    const result = merged(
      Merge.make(Account),
      new Account({ owner: "ada", balance: 10 }),
      new Account({ owner: "ada", balance: 15 }),
      new Account({ owner: "Ada", balance: 7 })
    )
    assert.instanceOf(result, Account)
    assert.strictEqual(result.label, "Ada: 12")
  })

  it("records own their keys, tuples their places, unions their kinds", () => {
    const merge = Merge.make(Schema.Record({ key: Schema.String, value: Merge.Counter }))
    assert.deepStrictEqual(merged(merge, { a: 1, b: 1 }, { a: 2, b: 1, c: 1 }, { a: 3, c: 4 }), { a: 4, c: 5 })
    assert.deepStrictEqual(
      merged(Merge.make(Schema.Tuple(Schema.String, Merge.Counter)), ["a", 1], ["b", 1], ["a", 5]),
      [
        "b",
        5
      ]
    )
    const Shape = Schema.Union(
      Schema.TaggedStruct("Circle", { r: Merge.Counter }),
      Schema.TaggedStruct("Square", { side: Merge.Counter })
    )
    const shapes = Merge.make(Shape)
    const circle = (r: number) => ({ _tag: "Circle" as const, r })
    assert.deepStrictEqual(merged(shapes, circle(1), circle(3), circle(2)), circle(4))
    assert.deepStrictEqual(overlap(shapes, circle(1), circle(2), { _tag: "Square", side: 1 }), [""])
    assert.deepStrictEqual(merged(shapes, circle(1), circle(1), { _tag: "Square", side: 1 }), {
      _tag: "Square",
      side: 1
    })
  })

  it("recursive schemas", () => {
    interface Tree {
      readonly name: string
      readonly n: number
      readonly left?: Tree | undefined
    }
    const Tree: Schema.Schema<Tree> = Schema.Struct({
      name: Schema.String,
      n: Merge.Counter,
      left: Schema.optional(Schema.suspend(() => Tree))
    })
    const tree = (n: number, m: number, name = "x"): Tree => ({ name, n, left: { name: "leaf", n: m } })
    assert.deepStrictEqual(merged(Merge.make(Tree), tree(1, 1), tree(2, 3), tree(5, 1, "y")), tree(6, 3, "y"))
  })

  it("takes a collection, and other strategies for its fields", () => {
    const Plain = Schema.Struct({ name: Schema.String, seen: Schema.Number })
    const zoo = Collection.make("zoo", Plain)
    const merge = Merge.make(zoo, { seen: Merge.counter })
    assert.deepStrictEqual(merged(merge, { name: "a", seen: 1 }, { name: "b", seen: 2 }, { name: "a", seen: 3 }), {
      name: "b",
      seen: 4
    })
  })

  it("combinators by hand come to the same", () => {
    const byHand = Merge.struct<{ readonly n: number; readonly tags: ReadonlyArray<string> }>({
      n: Merge.fromStrategy<number>(Merge.counter),
      tags: Merge.fromStrategy<ReadonlyArray<string>>(Merge.set)
    })
    assert.deepStrictEqual(merged(byHand, { n: 1, tags: ["a"] }, { n: 2, tags: [] }, { n: 3, tags: ["a", "b"] }), {
      n: 4,
      tags: ["b"]
    })
    const counts = Merge.record(Merge.fromStrategy<number>(Merge.counter))
    assert.deepStrictEqual(merged(counts, { a: 1 }, { a: 2, b: 1 }, { a: 2, b: 2 }), { a: 3, b: 3 })
  })
})

describe("CRDTs as plain JSON", () => {
  it("PNCounter, ORSet and LWWRegister need no base", () => {
    const { add, value, zero } = Merge.PNCounter
    const one = add(add(zero, "ada", 3), "ada", -1)
    const other = add(zero, "ben", 4)
    const joined = Merge.make(Merge.PNCounter)({ base: Option.none(), mine: one, theirs: other })
    assert.strictEqual(Either.isRight(joined) ? value(joined.right) : undefined, 6)

    const Tags = Merge.ORSet(Schema.String)
    const start = Tags.add(Tags.empty, "t1", "red")
    const removed = Tags.remove(start, (tag) => tag === "red")
    const again = Tags.add(start, "t2", "red")
    const both = Merge.make(Tags)({ base: Option.none(), mine: removed, theirs: again })
    assert.deepStrictEqual(Either.isRight(both) ? Tags.values(both.right) : undefined, ["red"])

    const Name = Merge.LWWRegister(Schema.String)
    const last = Merge.make(Name)({
      base: Option.none(),
      mine: { value: "a", at: 1, by: "x" },
      theirs: { value: "b", at: 2, by: "y" }
    })
    assert.deepStrictEqual(last, Either.right({ value: "b", at: 2, by: "y" }))
  })
})

describe("laws", () => {
  const parameters = runs(150, 5_000).fastCheck

  const keeps = <A>(
    name: string,
    merge: Merge.Merge<A>,
    arbitrary: FastCheck.Arbitrary<A>,
    except: ReadonlyArray<string> = []
  ) => {
    for (const law of Merge.laws(merge, arbitrary)) {
      if (!except.includes(law.name)) it(`${name}: ${law.says}`, () => law.check(parameters))
    }
  }

  const small = FastCheck.integer({ min: -5, max: 5 })
  const tags = FastCheck.uniqueArray(FastCheck.constantFrom("a", "b", "c", "d"))
  const letters = FastCheck.array(FastCheck.constantFrom("a ", "b ", "c "), { maxLength: 4 }).map((parts) =>
    parts.join("")
  )

  keeps("equal", Merge.fromStrategy<number>(Merge.equal), small)
  keeps("counter", Merge.fromStrategy<number>(Merge.counter), small, ["idempotence"])
  // A grow-only state that is not above its base has lost something: neutrality to the base is not its law.
  keeps("max", Merge.fromStrategy<number>(Merge.max), small, ["baseNeutrality"])
  keeps("min", Merge.fromStrategy<number>(Merge.min), small, ["baseNeutrality"])
  keeps("union", Merge.fromStrategy<ReadonlyArray<string>>(Merge.union), tags, ["baseNeutrality"])
  keeps("set", Merge.fromStrategy<ReadonlyArray<string>>(Merge.set), tags)
  keeps("immutable", Merge.fromStrategy<number>(Merge.immutable), small, ["baseNeutrality"])
  keeps("text", Merge.fromStrategy(Merge.text()), letters, ["associativity"])
  keeps(
    "lastWriteWins",
    Merge.fromStrategy(Merge.lastWriteWins((note: { readonly at: number; readonly by: number }) => note.at)),
    FastCheck.record({ at: small, by: small }),
    ["baseNeutrality"]
  )
  const Elements = Schema.Array(Schema.Struct({ id: Schema.Literal("a", "b", "c"), n: Schema.Int }))
  keeps(
    "list",
    Merge.make(Elements.pipe(Merge.annotate(Merge.list((element: { readonly id: string }) => element.id)))),
    FastCheck.uniqueArray(
      FastCheck.record({ id: FastCheck.constantFrom<"a" | "b" | "c">("a", "b", "c"), n: FastCheck.nat(2) }),
      {
        selector: ({ id }) => id
      }
    ),
    ["associativity"]
  )
  const Butterfly = Schema.Struct({
    name: Schema.Literal("a", "b", "c"),
    tags: Schema.Array(Schema.Literal("x", "y", "z")).pipe(Merge.annotate(Merge.set)),
    note: Schema.optional(Schema.Literal("n", "m")),
    nested: Schema.Struct({ on: Schema.Boolean, at: Schema.NullOr(Schema.Literal(1, 2)) }),
    byYear: Schema.Record({ key: Schema.Literal("2025", "2026"), value: Schema.Literal(1, 2) }).pipe(Schema.partial)
  })
  keeps("a struct", Merge.make(Butterfly), Arbitrary.make(Butterfly))
  keeps("PNCounter", Merge.make(Merge.PNCounter), Arbitrary.make(Merge.PNCounter), ["baseNeutrality"])
  keeps(
    "ORSet",
    Merge.make(Merge.ORSet(Schema.Literal("a", "b"))),
    Arbitrary.make(Merge.ORSet(Schema.Literal("a", "b"))),
    [
      "baseNeutrality",
      "idempotence"
    ]
  )

  it("a merge that prefers one side is found out", () => {
    const laws = Merge.laws(Merge.fromStrategy<number>(Merge.mine), small)
    const commutativity = laws.find(({ name }) => name === "commutativity")
    assert.throws(() => commutativity?.check(), /Property failed/)
  })
})

describe("validated", () => {
  const Stay = Schema.Struct({ from: Schema.Number, to: Schema.Number }).pipe(
    Schema.filter(({ from, to }) => from <= to)
  )
  const merge = Merge.struct<typeof Stay.Type>({
    from: Merge.fromStrategy<number>(Merge.equal),
    to: Merge.fromStrategy<number>(Merge.equal)
  })

  it("a merged value that the schema does not take is an overlap", () => {
    const [base, mine, theirs] = [{ from: 1, to: 9 }, { from: 7, to: 9 }, { from: 1, to: 3 }]
    assert.deepStrictEqual(merged(merge, base, mine, theirs), { from: 7, to: 3 })
    const validated = merge.pipe(Merge.validated(Stay))
    assert.deepStrictEqual(overlap(validated, base, mine, theirs), [""])
    assert.deepStrictEqual(merged(validated, base, { from: 2, to: 9 }, theirs), { from: 2, to: 3 })
  })
})
