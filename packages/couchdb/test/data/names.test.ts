import { assert, describe, it } from "@effect/vitest"
import { Collection, DatabaseName, DocumentId, Json, Revision } from "effect-couchdb"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { text } from "../arbitraries.js"
import { runs } from "../support/deep.js"

describe("DocumentId", () => {
  const anyText = FastCheck.oneof(FastCheck.string({ unit: "binary" }), text, FastCheck.fullUnicodeString())

  it.prop("every id that CouchDB takes comes back from its path, as one segment", [anyText], ([id]) => {
    const decoded = DocumentId.decode(id)
    const allowed = id !== "" && id !== "." && id !== ".." && !id.startsWith("_") && !Json.hasLoneSurrogate(id)
    assert.strictEqual(Either.isRight(decoded), allowed)
    if (Either.isLeft(decoded)) return
    const path = DocumentId.toPath(decoded.right)
    const url = new URL(`http://couch/db/${path}?rev=1`)
    assert.strictEqual(url.pathname, `/db/${path}`)
    assert.strictEqual(url.search, "?rev=1")
    assert.notInclude(path, "/")
    assert.strictEqual(decodeURIComponent(path), id)
  }, runs(500, 20_000))

  it.prop("design documents keep their slash", [text], ([name]) => {
    const decoded = DocumentId.decode(`_design/${name}`)
    if (Either.isRight(decoded)) {
      const path = DocumentId.toPath(decoded.right)
      assert.strictEqual(path, `_design/${encodeURIComponent(name)}`)
      assert.strictEqual(new URL(`http://couch/db/${path}`).pathname, `/db/${path}`)
    } else assert.isTrue(["", ".", ".."].includes(name))
  })

  it.prop("the order is that of the UTF-8 bytes", [text, text], ([a, b]) => {
    assert.strictEqual(DocumentId.Order(a, b), Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b))))
  })

  it("a bad literal throws at once, text from outside does not", () => {
    assert.throws(() => DocumentId.make("_x"), /begins with an underscore/)
    const error = DocumentId.decode("..")
    assert.include(Either.isLeft(error) ? error.left.message : "", "No request was sent")
    assert.isTrue(Either.isLeft(Schema.decodeUnknownEither(DocumentId.Schema)("")))
  })
})

describe("DatabaseName", () => {
  it("takes CouchDB's names, and throws at once for a bad literal", () => {
    for (const good of ["a", "a/b", "zoo_$()+-/9", "_users", "_replicator", "_global_changes", "zoo/_users"]) {
      assert.strictEqual(DatabaseName.make(good), good)
    }
    for (const bad of ["", "A", "9a", "_x", "a b", "a.b", "ä", "x".repeat(239), "zoo/_x "]) {
      assert.isTrue(Either.isLeft(DatabaseName.decode(bad)), bad)
    }
    assert.throws(() => Collection.make("Zoo", Schema.Struct({})), /lower-case/)
    assert.strictEqual(DatabaseName.toPath(DatabaseName.make("a/b+c")), "a%2Fb%2Bc")
  })
})

describe("Revision", () => {
  const h = (c: string) => c.repeat(32)

  it("parses, orders and refuses", () => {
    const revision = Revision.make(`12-${h("a")}`)
    assert.deepStrictEqual(Revision.parts(revision), { generation: 12, hash: h("a") })
    assert.isTrue(Option.isNone(Revision.decode("0-1")))
    for (const bad of ["", "1", "-a", "1-", "x-a", "01-a"]) assert.isTrue(Option.isNone(Revision.decode(bad)), bad)
    assert.throws(() => Revision.make("nonsense"))
  })

  it("the greatest is CouchDB's winner: by generation, then by the bytes of the hash", () => {
    const sorted = [`9-${h("f")}`, `10-${h("0")}`, `10-${h("9")}`, `10-${h("a")}`].map((r) => Revision.make(r))
    assert.deepStrictEqual([...sorted].reverse().sort(Revision.Order), sorted)
    // Chosen hashes are compared as they are: "abc" is 0x61…, and above the 16 bytes of 0x17….
    assert.strictEqual(Revision.Order(Revision.make("2-abc"), Revision.make(`2-${h("1")}`)), 1)
  })

  it("predicts what a real CouchDB 3.5 gave", () => {
    const known: ReadonlyArray<readonly [body: string, parent: string | null, deleted: boolean, rev: string]> = [
      ["{}", null, false, "1-967a00dff5e02add41819138abb3284d"],
      [`{"x":1,"y":[1,2,3],"z":{"q":null,"f":1.5,"s":"é"}}`, null, false, "1-fdac8b8b7ab0fe011665961be467b4c1"],
      ["{}", "1-fdac8b8b7ab0fe011665961be467b4c1", true, "2-e570f73ad5f71c23033cf88478235305"],
      [
        `{"f":1.0,"big":12345678901234567890,"exp":1e2,"neg0":-0.0,"small":1e-7}`,
        null,
        false,
        "1-b20a72e47b8eb4e51f1a4992c5698c68"
      ],
      [`{"a":1,"b":2}`, null, false, "1-25f9b97d75a648d1fcd23f0a73d2776e"],
      [`{"b":2,"a":1}`, null, false, "1-caca8b193c5fc9720d024664e9310ed2"],
      [`{"b":1,"a":2,"10":3,"9":4}`, null, false, "1-e0909c1c1074dc311c69ddf57f2fd523"],
      [`{"_id":"x","_rev":"1-a","a":1,"a":2}`, null, false, "1-3975759ccff3842adf690a5c10caee42"]
    ]
    for (const [body, parent, deleted, rev] of known) {
      const predicted = Revision.predict({
        parent: parent === null ? Option.none() : Revision.decode(parent),
        body,
        deleted
      })
      assert.deepStrictEqual(predicted, Option.some(Revision.make(rev)))
    }
  })

  it("does not guess: text that is no object, and attachments without an MD5", () => {
    assert.isTrue(Option.isNone(Revision.predict({ parent: Option.none(), body: "[]" })))
    assert.isTrue(Option.isNone(Revision.predict({ parent: Option.none(), body: "{" })))
    const attachments = [{ name: "a", contentType: "b", digest: "sha-x" }]
    assert.isTrue(Option.isNone(Revision.predict({ parent: Option.none(), body: {}, attachments })))
  })
})
