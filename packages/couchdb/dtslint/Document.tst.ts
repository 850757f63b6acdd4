import type { HttpClient } from "@effect/platform"
import type { Schema } from "effect"
import { Context, Effect, Layer, Option, pipe } from "effect"
import type { CouchError, Json } from "effect-couchdb"
import { Collection, Conflict, CouchHttp, Database, Document, Edit, LocalDocument, Transport } from "effect-couchdb"
import { describe, expect, test } from "tstyche"

interface Butterfly {
  readonly name: string
  readonly seen: number
}
class Units extends Context.Tag("Units")<Units, { readonly factor: number }>() {}

declare const Butterfly: Schema.Schema<Butterfly, { readonly name: string; readonly seen: string }>
declare const Scaled: Schema.Schema<{ readonly size: number }, { readonly size: number }, Units>

const butterflies = Collection.make("zoo", Butterfly)
const scaled = Collection.make("zoo", Scaled)

type Couch = CouchHttp.CouchHttp
type Doc = Document.Document<Butterfly>

declare const doc: Doc
declare const scaledDoc: Document.Document<{ readonly size: number }, Units>

describe("Collection", () => {
  test("keeps body, wire type, requirements and key", () => {
    expect(butterflies).type.toBe<
      Collection.Collection<Butterfly, { readonly name: string; readonly seen: string }>
    >()
    expect(scaled).type.toBe<Collection.Collection<{ readonly size: number }, { readonly size: number }, Units>>()
    const numbered = Collection.make("zoo", Butterfly, {
      id: { encode: (n: number) => String(n), decode: (id) => Option.some(Number(id)) }
    })
    expect(Document.fetch).type.toBeCallableWith(numbered, 7)
    expect(Document.fetch).type.not.toBeCallableWith(numbered, "7")
    expect(Document.create).type.not.toBeCallableWith(butterflies, "x", { name: "x" })
  })

  test("is invariant in its body", () => {
    expect<Collection.Collection<Butterfly, unknown>>().type.not.toBeAssignableTo<
      Collection.Collection<{ readonly name: string }, unknown>
    >()
    expect<Document.Document<Butterfly>>().type.not.toBeAssignableTo<Document.Document<{ readonly name: string }>>()
    expect<Document.Document<{ readonly name: string }>>().type.not.toBeAssignableTo<Document.Document<Butterfly>>()
  })
})

describe("operations", () => {
  test("fetch infers document, errors and requirements", () => {
    expect(Document.fetch(butterflies, "x")).type.toBe<Effect.Effect<Doc, Document.FetchError, Couch>>()
    expect(Document.fetch(scaled, "x")).type.toBe<
      Effect.Effect<typeof scaledDoc, Document.FetchError, Couch | Units>
    >()
    expect(Document.fetchOption(butterflies, "x")).type.toBe<
      Effect.Effect<Option.Option<Doc>, Document.FetchError, Couch>
    >()
  })

  test("the program of the design compiles, point-free", () => {
    const program = Effect.gen(function*() {
      const monarch = yield* Document.fetch(butterflies, "monarch")
      const saved = yield* monarch.pipe(Document.modify((b) => ({ ...b, seen: b.seen + 1 })), Document.save)
      const copy = yield* Document.copy(saved, "monarch-2")
      yield* Document.delete(copy)
    })
    expect(program).type.toBeAssignableTo<Effect.Effect<void, unknown, Couch>>()
  })

  test("save, delete and refresh stand alone in pipe, flatMap and forEach", () => {
    expect(pipe(doc, Document.save)).type.toBe<Effect.Effect<Doc, Document.SaveError<Butterfly>, Couch>>()
    expect(Effect.succeed(doc).pipe(Effect.flatMap(Document.save))).type.toBe<
      Effect.Effect<Doc, Document.SaveError<Butterfly>, Couch>
    >()
    expect(Effect.forEach([doc, doc], Document.save)).type.toBe<
      Effect.Effect<Array<Doc>, Document.SaveError<Butterfly>, Couch>
    >()
    expect(Effect.forEach([doc], Document.delete)).type.toBe<
      Effect.Effect<Array<Document.Tombstone<Butterfly>>, Document.DeleteError<Butterfly>, Couch>
    >()
    expect(Effect.succeed(doc).pipe(Effect.flatMap(Document.refresh))).type.toBe<
      Effect.Effect<
        Doc,
        Document.FetchError | CouchError.UnsavedChangesError | CouchError.UnsavedDocumentError,
        Couch
      >
    >()
    expect(Effect.succeed(doc).pipe(Effect.flatMap(Document.copy("x")))).type.toBe<
      Effect.Effect<Doc, Document.CopyError<Butterfly>, Couch>
    >()
    expect(Effect.succeed(scaledDoc).pipe(Effect.map(Document.modify(({ size }) => ({ size: size + 1 }))))).type.toBe<
      Effect.Effect<typeof scaledDoc>
    >()
  })

  test("data-last forms take the collection at the end", () => {
    expect(pipe(butterflies, Document.fetch("x"))).type.toBe<Effect.Effect<Doc, Document.FetchError, Couch>>()
    expect(pipe(butterflies, Document.create("x", { name: "x", seen: 1 }))).type.toBe<
      Effect.Effect<Doc, Document.SaveError<Butterfly>, Couch>
    >()
    expect(pipe).type.not.toBeCallableWith(butterflies, Document.create("x", { name: "x" }))
    expect(pipe(butterflies, Document.update("x", (b: Butterfly) => b))).type.toBe<
      Effect.Effect<Doc, Document.FetchError | Document.SaveError<Butterfly>, Couch>
    >()
  })

  test("update hands the body over with its type, and an effectful edit adds its errors and requirements", () => {
    Document.update(butterflies, "x", (b) => {
      expect(b).type.toBe<Butterfly>()
      return b
    })
    Document.upsert(butterflies, "x", (b) => {
      expect(b).type.toBe<Option.Option<Butterfly>>()
      return { name: "x", seen: 1 }
    })
    const edited = Document.updateEffect(butterflies, "x", (b) =>
      Effect.gen(function*() {
        const { factor } = yield* Units
        if (b.seen < 0) return yield* Effect.fail("negative" as const)
        return factor > 1 ? Edit.change({ ...b, seen: b.seen * factor }) : Edit.delete
      }))
    expect<Effect.Effect.Success<typeof edited>>().type.toBe<Doc | Document.Tombstone<Butterfly>>()
    expect<Effect.Effect.Context<typeof edited>>().type.toBe<Couch | Units>()
    expect<"negative">().type.toBeAssignableTo<Effect.Effect.Error<typeof edited>>()
  })

  test("a delete keeps names, members, or what a function of the body gives, data first and last", () => {
    type Gone = Effect.Effect<
      Document.Tombstone<Butterfly>,
      Document.DeleteError<Butterfly> | CouchError.EncodeError,
      Couch
    >
    expect(Document.deleteWith(doc, { keep: ["name", "of another schema"] })).type.toBe<Gone>()
    expect(Document.deleteWith(doc, { keep: { name: doc.body.name, by: "me" } })).type.toBe<Gone>()
    expect(Document.deleteWith(doc, {
      keep: (b) => {
        expect(b).type.toBe<Butterfly>()
        return { name: b.name }
      }
    })).type.toBe<Gone>()
    expect(doc.pipe(Document.deleteWith({ keep: ["name"] }))).type.toBe<Gone>()
    expect(doc.pipe(Document.deleteWith({ keep: { by: "me" } }))).type.toBe<Gone>()
    expect(doc.pipe(Document.deleteWith({ keep: ({ name }: Butterfly) => ({ name }) }))).type.toBe<Gone>()
    expect(Document.deleteWith).type.not.toBeCallableWith(doc, { keep: "name" })
    expect(Document.deleteWith).type.not.toBeCallableWith(doc, { keep: () => "name" })
    expect(pipe).type.not.toBeCallableWith(doc, Document.deleteWith({ keep: (b: { readonly x: 1 }) => ({ x: b.x }) }))
    const edited = Document.updateEffect(
      butterflies,
      "x",
      ({ name, seen }) =>
        Effect.succeed(seen > 1 ? Edit.keep : seen > 0 ? Edit.delete : Edit.delete({ keep: { name } }))
    )
    expect<Effect.Effect.Success<typeof edited>>().type.toBe<Doc | Document.Tombstone<Butterfly>>()
    expect(Edit.delete({ keep: ["name"] })).type.toBe<Edit.Edit<never>>()
    expect<Edit.Edit<never>>().type.toBeAssignableTo<Edit.Edit<Butterfly>>()
  })

  test("an edit of another type does not compile", () => {
    expect(Document.update).type.not.toBeCallableWith(butterflies, "x", () => ({ name: 1, seen: 1 }))
    expect(pipe).type.not.toBeCallableWith(doc, Document.modify(() => ({ name: "x" })))
  })

  test("local documents and databases", () => {
    expect(LocalDocument.fetch(butterflies, "x")).type.toBe<
      Effect.Effect<
        LocalDocument.LocalDocument<Butterfly>,
        CouchError.NotFoundError | CouchError.DecodeError | CouchError.InvalidIdError | CouchError.RequestError,
        Couch
      >
    >()
    expect(Database.exists("zoo")).type.toBe<
      Effect.Effect<boolean, CouchError.InvalidIdError | CouchError.RequestError, Couch>
    >()
  })

  test("a document's schema carries the wire type of its body", () => {
    const schema = Document.schema(butterflies)
    expect<typeof schema.Type>().type.toBe<Doc>()
    expect<typeof schema.Encoded>().type.toBe<
      Document.Encoded<{ readonly name: string; readonly seen: string }>
    >()
    expect(Document.schema(scaled)).type.toBeAssignableTo<
      Schema.Schema<typeof scaledDoc, Document.Encoded<{ readonly size: number }>, Units>
    >()
  })

  test("what the server had is typed", () => {
    expect(doc.base).type.toBe<Option.Option<Document.Base<Butterfly>>>()
    expect(Option.map(doc.base, ({ raw }) => raw)).type.toBe<Option.Option<Json.JsonObject>>()
  })
})

describe("conflicts", () => {
  test("catchTag hands the conflict over with its document", () => {
    Document.save(doc).pipe(Effect.catchTag("ConflictError", (conflict) => {
      expect(conflict.attempted).type.toBe<Doc>()
      return Effect.succeed(conflict.attempted)
    }))
  })

  test("ignore removes the conflict from the error channel", () => {
    const ignored = Document.save(doc).pipe(Effect.catchTag("ConflictError", Conflict.ignore))
    expect<Effect.Effect.Success<typeof ignored>>().type.toBe<Doc>()
    expect<Effect.Effect.Error<typeof ignored>>().type.toBe<
      Exclude<Document.SaveError<Butterfly>, { readonly _tag: "ConflictError" }>
    >()
    expect<Effect.Effect.Context<typeof ignored>>().type.toBe<Couch>()
  })

  test("overwrite keeps it, since somebody may be faster once more", () => {
    const overwritten = Document.save(doc).pipe(Effect.catchTag("ConflictError", Conflict.overwrite))
    expect<Effect.Effect.Success<typeof overwritten>>().type.toBe<Doc>()
    expect<CouchError.ConflictError<Butterfly>>().type.toBeAssignableTo<Effect.Effect.Error<typeof overwritten>>()
    expect<Effect.Effect.Error<typeof overwritten>>().type.toBeAssignableTo<CouchError.CouchError>()
  })

  test("a policy carries the requirements of the document that it settles", () => {
    const ignored = Document.save(scaledDoc).pipe(Effect.catchTag("ConflictError", Conflict.ignore))
    expect<Effect.Effect.Success<typeof ignored>>().type.toBe<typeof scaledDoc>()
    expect<Effect.Effect.Context<typeof ignored>>().type.toBe<Couch | Units>()
  })

  test("a refused delete gives a tombstone, or the document that stays", () => {
    const settled = Document.delete(doc).pipe(Effect.catchTag("ConflictError", Conflict.overwrite))
    expect<Effect.Effect.Success<typeof settled>>().type.toBe<Document.Tombstone<Butterfly> | Doc>()
  })

  test("two types of document in one program", () => {
    const both = Effect.all([Document.save(doc), Document.save(scaledDoc)]).pipe(
      Effect.asVoid,
      Effect.catchTag("ConflictError", (conflict) => Effect.asVoid(Conflict.ignore(conflict)))
    )
    expect<Effect.Effect.Context<typeof both>>().type.toBe<Couch | Units>()
    const direct = Effect.all([Document.save(doc), Document.save(scaledDoc)]).pipe(
      Effect.catchTag("ConflictError", Conflict.ignore)
    )
    expect<Effect.Effect.Error<typeof direct>>().type.not.toBeAssignableTo<{ readonly _tag: "ConflictError" }>()
  })

  test("catchTags wants a function around it", () => {
    const settled = Document.save(doc).pipe(Effect.catchTags({
      ConflictError: (conflict) => Conflict.ignore(conflict),
      NotFoundError: () => Effect.succeed(doc)
    }))
    expect<Effect.Effect.Success<typeof settled>>().type.toBe<Doc>()
  })

  test("every error of the library has a tag of its own", () => {
    expect<Document.SaveError<Butterfly>["_tag"]>().type.toBeAssignableTo<CouchError.CouchError["_tag"]>()
    expect<Document.DeleteError<Butterfly>["_tag"]>().type.toBeAssignableTo<CouchError.CouchError["_tag"]>()
  })
})

describe("layers", () => {
  test("CouchHttp wants a transport, and the HttpClient transport an HttpClient", () => {
    expect(CouchHttp.layer({ url: "http://x" })).type.toBe<Layer.Layer<Couch, never, Transport.Transport>>()
    expect(Transport.layerHttpClient()).type.toBe<
      Layer.Layer<Transport.Transport, never, HttpClient.HttpClient>
    >()
    expect(CouchHttp.layerConfig().pipe(Layer.provide(Transport.layerHttpClient()))).type.toBeAssignableTo<
      Layer.Layer<Couch, unknown, HttpClient.HttpClient>
    >()
  })
})
