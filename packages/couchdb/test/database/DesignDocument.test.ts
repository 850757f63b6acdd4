import { assert, describe, it } from "@effect/vitest"
import { DesignDocument, Json, View } from "effect-couchdb"
import * as Schema from "effect/Schema"

const body = (content: DesignDocument.Content) => JSON.parse(Json.stringify(DesignDocument.make("x", content).body))

describe("a definition", () => {
  it("is the document that CouchDB's documentation describes", () => {
    const design = DesignDocument.make("zoo", {
      views: {
        bySeen: DesignDocument.view({ map: "function (doc) { emit(doc.seen) }", reduce: "_sum", key: Schema.Number })
      },
      lib: { text: "exports.trim = function (s) { return s.trim() }" },
      filters: { often: "function (doc) { return doc.seen > 1 }" },
      updates: { touch: "function (doc) { return [doc, 'ok'] }" },
      validate: "function () {}",
      nouveau: { names: { index: "function (doc) { index('text', 'n', doc.n) }", defaultAnalyzer: "keyword" } },
      indexes: { old: { index: "function (doc) {}", analyzer: "standard" } },
      partitioned: false,
      options: { local_seq: true },
      members: { autoupdate: false }
    })
    assert.deepStrictEqual(JSON.parse(Json.stringify(design.body)), {
      language: "javascript",
      views: {
        lib: { text: "exports.trim = function (s) { return s.trim() }" },
        bySeen: { map: "function (doc) { emit(doc.seen) }", reduce: "_sum" }
      },
      filters: { often: "function (doc) { return doc.seen > 1 }" },
      updates: { touch: "function (doc) { return [doc, 'ok'] }" },
      validate_doc_update: "function () {}",
      nouveau: { names: { default_analyzer: "keyword", index: "function (doc) { index('text', 'n', doc.n) }" } },
      indexes: { old: { analyzer: "standard", index: "function (doc) {}" } },
      options: { partitioned: false, local_seq: true },
      autoupdate: false
    })
    assert.deepStrictEqual(View.make(design.views.bySeen).place, { _tag: "Design", design: "zoo", view: "bySeen" })
  })

  it("takes arrows, functions and methods, whose text is an expression", () => {
    const views = {
      arrow: { map: (doc: { readonly n: number }) => doc.n },
      bare: { map: Function("return x => x")() as DesignDocument.Code },
      named: {
        map: function named(doc: { readonly n: number }) {
          return doc.n
        }
      },
      method: {
        map(doc: { readonly n: number }) {
          return doc.n
        }
      },
      quoted: {
        "map"(doc: { readonly n: number }) {
          return doc.n
        }
      }
    }
    const texts = body({ views }).views as Record<string, { readonly map: string }>
    for (const [name, { map }] of Object.entries(texts)) {
      const run = Function(`return (${map})`)() as (doc: unknown) => unknown
      const doc = { n: 7 }
      assert.strictEqual(run(doc), name === "bare" ? doc : 7, map)
    }
  })

  it("throws at once for names and functions that a server refuses", () => {
    for (const name of ["", ".", ".."]) assert.throws(() => DesignDocument.make(name, {}), /design document/)
    assert.throws(() => body({ filters: { f: Math.max } }), /native/)
    assert.throws(() => body({ filters: { f: async () => true } }), /plain function/)
    assert.throws(() => body({ members: { n: NaN } }), /cannot be written/)
  })
})
