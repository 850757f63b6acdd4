import type { Either, Stream } from "effect"
import { Context, Effect, Option, Schedule, Schema } from "effect"
import type { Collection, CouchError, CouchHttp } from "effect-couchdb"
import { Conflict, Document, Merge, SiblingPolicy } from "effect-couchdb"
import { describe, expect, test } from "tstyche"

interface Card {
  readonly name: string
  readonly seen: number
}
interface Note {
  readonly text: string
}
class Units extends Context.Tag("Units")<Units, { readonly factor: number }>() {}

declare const Card: Schema.Schema<Card>
declare const card: Document.Document<Card>
declare const note: Document.Document<Note, Units>
declare const conflict: CouchError.ConflictError<Card>
declare const other: CouchError.ConflictError<Note, Units>
declare const cards: Collection.Collection<Card, Card>

const merging = Conflict.merge(Merge.make(Card))

type Couch = CouchHttp.CouchHttp
type Left<E> = E extends { readonly _tag: infer Tag } ? Tag : never

const settle = <P extends Effect.Effect<unknown, unknown, unknown>>(effect: P): P => effect

describe("policies", () => {
  test("merge adds an overlap of the document's type, and keeps the conflict", () => {
    const settled = settle(Document.save(card).pipe(Effect.catchTag("ConflictError", merging)))
    expect<Effect.Effect.Success<typeof settled>>().type.toBe<Document.Document<Card>>()
    expect<Effect.Effect.Context<typeof settled>>().type.toBe<Couch>()
    expect<CouchError.OverlapError<Card>>().type.toBeAssignableTo<Effect.Effect.Error<typeof settled>>()
    expect<CouchError.ConflictError<Card>>().type.toBeAssignableTo<Effect.Effect.Error<typeof settled>>()
  })

  test("a merge settles only conflicts of its own documents", () => {
    expect(merging).type.toBeCallableWith(conflict)
    expect(merging).type.not.toBeCallableWith(other)
  })

  test("orElse takes the overlap away again", () => {
    const settled = settle(
      Document.save(card).pipe(Effect.catchTag("ConflictError", merging.pipe(Conflict.orElse(Conflict.overwrite))))
    )
    expect<"OverlapError">().type.not.toBeAssignableTo<Left<Effect.Effect.Error<typeof settled>>>()
    expect<"ConflictError">().type.toBeAssignableTo<Left<Effect.Effect.Error<typeof settled>>>()
    const kept = settle(
      Document.save(card).pipe(Effect.catchTag("ConflictError", merging.pipe(Conflict.orElse(Conflict.ignore))))
    )
    expect<"OverlapError">().type.not.toBeAssignableTo<Left<Effect.Effect.Error<typeof kept>>>()
  })

  test("keepTheirs and ignore remove the conflict, for documents of any type", () => {
    const theirs = settle(Document.save(note).pipe(Effect.catchTag("ConflictError", Conflict.keepTheirs)))
    expect<"ConflictError">().type.not.toBeAssignableTo<Left<Effect.Effect.Error<typeof theirs>>>()
    expect<Effect.Effect.Context<typeof theirs>>().type.toBe<Couch | Units>()
    expect<Effect.Effect.Success<typeof theirs>>().type.toBe<Document.Document<Note, Units>>()
  })

  test("retry keeps a policy as it is, and adds what its schedule requires", () => {
    expect(merging.pipe(Conflict.retry())).type.toBe<typeof merging>()
    expect(Conflict.overwrite.pipe(Conflict.retry())).type.toBe<typeof Conflict.overwrite>()
    const needy: Schedule.Schedule<number, unknown, Units> = Schedule.mapEffect(
      Schedule.recurs(1),
      (n) => Effect.as(Units, n)
    )
    const settled = settle(
      Document.save(card).pipe(Effect.catchTag("ConflictError", merging.pipe(Conflict.retry(needy))))
    )
    expect<Effect.Effect.Context<typeof settled>>().type.toBe<Couch | Units>()
  })

  test("reapply takes the body's type from the collection", () => {
    Conflict.reapply(cards, (theirs, mine) => {
      expect(theirs).type.toBe<Card>()
      expect(mine).type.toBe<Card>()
      return theirs
    })
    expect(Conflict.reapply).type.not.toBeCallableWith(cards, () => ({ name: "x" }))
  })

  test("tap, when and quarantine add what they need", () => {
    const policy = Conflict.keepTheirs.pipe(
      Conflict.tap(() => Effect.flatMap(Units, () => Effect.fail("tapped" as const))),
      Conflict.when(({ operation }) => operation === "save")
    )
    const settled = settle(Document.save(card).pipe(Effect.catchTag("ConflictError", policy)))
    expect<"tapped">().type.toBeAssignableTo<Effect.Effect.Error<typeof settled>>()
    expect<"ConflictError">().type.toBeAssignableTo<Left<Effect.Effect.Error<typeof settled>>>()
    expect<Effect.Effect.Context<typeof settled>>().type.toBe<Couch | Units>()
  })

  test("one's own policy", () => {
    const saveAs = Conflict.make(cards, "saveAs", ({ attempted }) => {
      expect(attempted).type.toBe<Document.Document<Card>>()
      return Document.create(cards, "other", attempted.body)
    })
    const settled = settle(Document.save(card).pipe(Effect.catchTag("ConflictError", saveAs)))
    expect<Effect.Effect.Success<typeof settled>>().type.toBe<Document.Document<Card>>()
  })
})

describe("policies by kind", () => {
  test("whenSchema and matchBy keep what their policies add, and the conflict", () => {
    const kinds = settle(
      Document.save(card).pipe(
        Effect.catchTag(
          "ConflictError",
          Conflict.matchBy(cards, ({ name }) => name, { a: merging, b: Conflict.ignore })
        )
      )
    )
    expect<Effect.Effect.Success<typeof kinds>>().type.toBe<Document.Document<Card>>()
    expect<"ConflictError" | "OverlapError">().type.toBeAssignableTo<Left<Effect.Effect.Error<typeof kinds>>>()
    expect<Effect.Effect.Context<typeof kinds>>().type.toBe<Couch>()
    const some = settle(
      Document.save(card).pipe(Effect.catchTag("ConflictError", Conflict.keepTheirs.pipe(Conflict.whenSchema(Card))))
    )
    expect<"ConflictError">().type.toBeAssignableTo<Left<Effect.Effect.Error<typeof some>>>()
  })
})

describe("siblings", () => {
  test("resolve takes a merge or a policy of the collection's documents", () => {
    const resolved = Conflict.resolve(cards, "a", Merge.make(Card))
    expect<Effect.Effect.Success<typeof resolved>>().type.toBe<Conflict.Resolution<Card>>()
    expect<Effect.Effect.Context<typeof resolved>>().type.toBe<Couch>()
    expect(Conflict.resolve).type.not.toBeCallableWith(cards, "a", Merge.make(Schema.Struct({ text: Schema.String })))
    const piped = cards.pipe(Conflict.resolve("a", SiblingPolicy.merge(Merge.make(Card))))
    expect<Effect.Effect.Success<typeof piped>>().type.toBe<Conflict.Resolution<Card>>()
  })

  test("what a policy decides adds its errors and requirements", () => {
    const policy = SiblingPolicy.merge(Merge.make(Card)).pipe(
      SiblingPolicy.onOverlap(({ mine }) => {
        expect(mine).type.toBe<Card>()
        return Effect.flatMap(
          Units,
          () => mine.seen > 0 ? Effect.succeed(Option.some(mine)) : Effect.fail("no" as const)
        )
      }),
      SiblingPolicy.orElse(SiblingPolicy.winner)
    )
    expect(policy).type.toBe<SiblingPolicy.SiblingPolicy<Card, "no", Units>>()
    const resolved = Conflict.resolve(cards, "a", policy)
    expect<"no">().type.toBeAssignableTo<Effect.Effect.Error<typeof resolved>>()
    expect<Effect.Effect.Context<typeof resolved>>().type.toBe<Couch | Units>()
    const swept = Conflict.sweep(cards, policy)
    expect<Stream.Stream.Success<typeof swept>>().type.toBe<Conflict.Swept<Card>>()
    expect<Stream.Stream.Context<typeof swept>>().type.toBe<Couch | Units>()
  })
})

describe("merges", () => {
  test("take their type from the schema or the collection", () => {
    expect(Merge.make(Card)).type.toBe<Merge.Merge<Card>>()
    expect(Merge.make(cards)).type.toBe<Merge.Merge<Card>>()
    expect(Merge.make(Card, { seen: Merge.counter })).type.toBe<Merge.Merge<Card>>()
    expect(Merge.make).type.not.toBeCallableWith(Card, { name: Merge.counter })
    expect(Merge.make).type.not.toBeCallableWith(Card, { nothing: Merge.equal })
  })

  test("annotate keeps the schema's own type, brands and sets too", () => {
    expect(Schema.Number.pipe(Merge.annotate(Merge.counter))).type.toBe<typeof Schema.Number>()
    const Brand = Schema.Number.pipe(Schema.brand("Brand"))
    expect(Brand.pipe(Merge.annotate(Merge.counter))).type.toBe<typeof Brand>()
    const Tags = Schema.Set(Schema.String)
    expect(Tags.pipe(Merge.annotate(Merge.set))).type.toBe<typeof Tags>()
    expect(Schema.String.pipe).type.not.toBeCallableWith(Merge.annotate(Merge.counter))
  })

  test("a merge is invariant, a strategy contravariant", () => {
    expect<Merge.Merge<Card>>().type.not.toBeAssignableTo<Merge.Merge<{ readonly name: string }>>()
    expect<Merge.Strategy<unknown>>().type.toBeAssignableTo<Merge.Strategy<Card>>()
    expect<Merge.Strategy<Card>>().type.not.toBeAssignableTo<Merge.Strategy<unknown>>()
    expect(Merge.make(Card)({ base: Option.none(), mine: card.body, theirs: card.body })).type.toBeAssignableTo<
      Either.Either<Card, Merge.Overlap>
    >()
  })
})
