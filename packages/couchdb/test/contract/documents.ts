import { assert } from "@effect/vitest"
import { Collection, Conflict, Document, Revision } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { butterflies, type Contract, raw, stored } from "./suite.js"

const monarch = { name: "Monarch", seen: 1 }

const seenAgain = Document.modify((b: typeof monarch) => ({ ...b, seen: b.seen + 1 }))

export const documents: Contract = (it) => {
  it.scoped("a document is made, saved, fetched, modified and saved again", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      const made = Document.make(zoo, "monarch", monarch)
      assert.isTrue(Option.isNone(made.rev))
      const saved = yield* Document.save(made)
      assert.strictEqual(Revision.generation(yield* Document.revision(saved)), 1)
      assert.isFalse(Document.isDirty(saved))
      const fetched = yield* Document.fetch(zoo, "monarch")
      assert.deepStrictEqual(fetched.body, monarch)
      assert.deepStrictEqual(fetched.rev, saved.rev)
      const again = yield* Document.save(seenAgain(fetched))
      assert.strictEqual(Revision.generation(yield* Document.revision(again)), 2)
      assert.strictEqual((yield* Document.fetch(zoo, "monarch")).body.seen, 2)
    }))

  it.scoped("the operations read point-free in a pipe", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      yield* Document.create(zoo, "monarch", monarch)
      const copy = yield* Document.fetch(zoo, "monarch").pipe(
        Effect.map(seenAgain),
        Effect.flatMap(Document.save),
        Effect.flatMap(Document.copy("monarch-2"))
      )
      assert.strictEqual(copy.body.seen, 2)
      const gone = yield* Document.delete(copy)
      assert.strictEqual(gone._tag, "Tombstone")
      const all = yield* Effect.forEach(
        [Document.make(zoo, "a", monarch), Document.make(zoo, "b", monarch)],
        Document.save
      )
      assert.lengthOf(all, 2)
    }))

  it.scoped("an unchanged save gives the same value", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      const saved = yield* Document.create(zoo, "monarch", monarch)
      assert.strictEqual(yield* Document.save(saved), saved)
      const same = Document.modify(saved, (b) => ({ ...b }))
      assert.strictEqual(yield* Document.save(same), same)
    }))

  it.scoped("create writes only if the document does not exist", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      yield* Document.create(zoo, "monarch", monarch)
      const error = yield* Effect.flip(Document.create(zoo, "monarch", { name: "Other", seen: 9 }))
      assert.strictEqual(error._tag, "ConflictError")
      if (error._tag === "ConflictError") {
        assert.strictEqual(error.operation, "create")
        assert.deepStrictEqual(error.attempted.body, { name: "Other", seen: 9 })
      }
      assert.deepStrictEqual((yield* Document.fetch(zoo, "monarch")).body, monarch)
    }))

  it.scoped("a stale save is a ConflictError that carries the document, and nothing is written", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      const mine = yield* Document.create(zoo, "monarch", monarch)
      const theirs = yield* Document.save(Document.modify(mine, (b) => ({ ...b, name: "Theirs" })))
      const stale = Document.modify(mine, (b) => ({ ...b, name: "Mine" }))
      const error = yield* Effect.flip(Document.save(stale))
      assert.strictEqual(error._tag, "ConflictError")
      if (error._tag === "ConflictError") {
        assert.strictEqual(error.operation, "save")
        assert.strictEqual(error.status, 409)
        assert.strictEqual(error.attempted, stale)
        assert.deepStrictEqual(Option.map(error.attempted.base, (base) => base.body), Option.some(monarch))
      }
      assert.deepStrictEqual((yield* Document.fetch(zoo, "monarch")).rev, theirs.rev)
    }))

  it.scoped("ignore gives the attempted document back, still with its edits", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      const mine = yield* Document.create(zoo, "monarch", monarch)
      yield* Document.save(Document.modify(mine, (b) => ({ ...b, name: "Theirs" })))
      const settled = yield* Document.save(Document.modify(mine, (b) => ({ ...b, name: "Mine" }))).pipe(
        Effect.catchTag("ConflictError", Conflict.ignore)
      )
      assert.strictEqual(settled.body.name, "Mine")
      assert.isTrue(Document.isDirty(settled))
      assert.strictEqual((yield* Document.fetch(zoo, "monarch")).body.name, "Theirs")
    }))

  it.scoped("overwrite replaces the current revision", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      const mine = yield* Document.create(zoo, "monarch", monarch)
      yield* Document.save(Document.modify(mine, (b) => ({ ...b, name: "Theirs" })))
      const settled = yield* Document.save(Document.modify(mine, (b) => ({ ...b, name: "Mine" }))).pipe(
        Effect.catchTag("ConflictError", Conflict.overwrite)
      )
      assert.isFalse(Document.isDirty(settled))
      assert.strictEqual(Revision.generation(yield* Document.revision(settled)), 3)
      assert.strictEqual((yield* Document.fetch(zoo, "monarch")).body.name, "Mine")
    }))

  it.scoped("overwrite creates again what the rival deleted", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      const mine = yield* Document.create(zoo, "monarch", monarch)
      yield* Document.delete(mine)
      const settled = yield* Document.save(Document.modify(mine, (b) => ({ ...b, name: "Mine" }))).pipe(
        Effect.catchTag("ConflictError", Conflict.overwrite)
      )
      assert.strictEqual(Revision.generation(yield* Document.revision(settled)), 3)
      assert.strictEqual((yield* Document.fetch(zoo, "monarch")).body.name, "Mine")
    }))

  it.scoped("overwrite repeats a refused delete and a refused copy", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      const mine = yield* Document.create(zoo, "monarch", monarch)
      yield* Document.save(seenAgain(mine))
      const gone = yield* Document.delete(mine).pipe(Effect.catchTag("ConflictError", Conflict.overwrite))
      assert.strictEqual(gone._tag, "Tombstone")
      assert.isFalse(yield* Document.exists(zoo, "monarch"))
      const source = yield* Document.create(zoo, "source", { name: "Source", seen: 5 })
      yield* Document.create(zoo, "target", monarch)
      const copied = yield* Document.copy(source, "target").pipe(Effect.catchTag("ConflictError", Conflict.overwrite))
      assert.strictEqual(copied.id, "target")
      assert.strictEqual((yield* Document.fetch(zoo, "target")).body.name, "Source")
    }))

  it.scoped("distinguishes a deleted document from one that never existed", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      yield* Effect.flatMap(Document.create(zoo, "monarch", monarch), Document.delete)
      const deleted = yield* Effect.flip(Document.fetch(zoo, "monarch"))
      assert.strictEqual(deleted._tag === "NotFoundError" && deleted.reason, "deleted")
      const missing = yield* Effect.flip(Document.fetch(zoo, "swallowtail"))
      assert.strictEqual(missing._tag === "NotFoundError" && missing.reason, "missing")
      assert.isTrue(Option.isNone(yield* Document.fetchOption(zoo, "monarch")))
      assert.isTrue(Option.isNone(yield* Document.fetchOption(zoo, "swallowtail")))
      assert.isFalse(yield* Document.exists(zoo, "monarch"))
    }))

  it.scoped("a tombstone read by its revision is deleted, not a broken body", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      const gone = yield* Effect.flatMap(Document.create(zoo, "monarch", monarch), Document.delete)
      const error = yield* Effect.flip(Document.fetch(zoo, "monarch", { rev: gone.rev }))
      assert.strictEqual(error._tag === "NotFoundError" && error.reason, "deleted")
    }))

  it.scoped("restore and save after delete give the next generation, without stray fields", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      const saved = yield* Document.create(zoo, "monarch", monarch)
      const gone = yield* Document.delete(saved)
      assert.strictEqual(Revision.generation(gone.rev), 2)
      const back = yield* Document.save(Document.restore(gone, { name: "Back", seen: 0 }))
      assert.strictEqual(Revision.generation(yield* Document.revision(back)), 3)
      const rev = Option.getOrThrow(back.rev)
      assert.deepStrictEqual(JSON.parse(yield* stored(zoo.database, "monarch")), {
        _id: "monarch",
        _rev: rev,
        name: "Back",
        seen: 0
      })
    }))

  it.scoped("restore loses against somebody who was faster", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      const gone = yield* Effect.flatMap(Document.create(zoo, "monarch", monarch), Document.delete)
      yield* Document.create(zoo, "monarch", { name: "Rival", seen: 0 })
      const error = yield* Effect.flip(Document.save(Document.restore(gone, monarch)))
      assert.strictEqual(error._tag, "ConflictError")
    }))

  it.scoped("delete refuses dirty and unsaved documents by itself", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      const saved = yield* Document.create(zoo, "monarch", monarch)
      const dirty = yield* Effect.flip(Document.delete(seenAgain(saved)))
      assert.strictEqual(dirty._tag, "UnsavedChangesError")
      const unsaved = yield* Effect.flip(Document.delete(Document.make(zoo, "new", monarch)))
      assert.strictEqual(unsaved._tag, "UnsavedDocumentError")
      assert.isTrue(yield* Document.exists(zoo, "monarch"))
    }))

  it.scoped("a stale delete is a conflict, and one of a deleted document is not found", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      const old = yield* Document.create(zoo, "monarch", monarch)
      const current = yield* Document.save(seenAgain(old))
      const stale = yield* Effect.flip(Document.delete(old))
      assert.strictEqual(stale._tag === "ConflictError" && stale.operation, "delete")
      yield* Document.delete(current)
      const gone = yield* Effect.flip(Document.delete(current))
      assert.strictEqual(gone._tag === "NotFoundError" && gone.reason, "deleted")
    }))

  it.scoped("refresh reads again, and refuses to lose edits", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      const mine = yield* Document.create(zoo, "monarch", monarch)
      yield* Document.save(seenAgain(mine))
      assert.strictEqual((yield* Document.refresh(mine)).body.seen, 2)
      const edited = Document.modify(mine, (b) => ({ ...b, name: "Mine" }))
      assert.strictEqual((yield* Effect.flip(Document.refresh(edited)))._tag, "UnsavedChangesError")
      assert.strictEqual((yield* Document.refresh(Document.discard(edited))).body.seen, 2)
      const unsaved = yield* Effect.flip(Document.refresh(Document.make(zoo, "new", monarch)))
      assert.strictEqual(unsaved._tag, "UnsavedDocumentError")
    }))

  it.scoped("info brings id and revision, revisions the history", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      const first = yield* Document.create(zoo, "monarch", monarch)
      const second = yield* Document.save(seenAgain(first))
      const info = yield* Document.info(zoo, "monarch")
      assert.deepStrictEqual(Option.some(info.rev), second.rev)
      assert.strictEqual(info.id, "monarch")
      assert.deepStrictEqual(yield* Document.revisions(second), [
        { rev: Option.getOrThrow(second.rev), status: "available" },
        { rev: Option.getOrThrow(first.rev), status: "available" }
      ])
      const old = yield* Document.fetch(zoo, "monarch", { rev: Option.getOrThrow(first.rev) })
      assert.deepStrictEqual(old.body, monarch)
      const latest = yield* Document.fetch(zoo, "monarch", { rev: Option.getOrThrow(first.rev), latest: true })
      assert.deepStrictEqual(latest.rev, second.rev)
      assert.strictEqual((yield* Effect.flip(Document.info(zoo, "nobody")))._tag, "NotFoundError")
    }))

  it.scoped("conflicts lists live and deleted siblings", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      const leaf = (hash: string, more: object) => ({
        _id: "monarch",
        _revisions: { start: 2, ids: [hash.repeat(32), "c".repeat(32)] },
        _rev: `2-${hash.repeat(32)}`,
        ...more
      })
      yield* raw("POST", `/${zoo.database}/_bulk_docs`, {
        new_edits: false,
        docs: [leaf("a", monarch), leaf("b", monarch), leaf("d", { _deleted: true })]
      })
      const doc = yield* Document.fetch(zoo, "monarch")
      assert.deepStrictEqual(doc.rev, Option.some(Revision.make(`2-${"b".repeat(32)}`)))
      assert.deepStrictEqual(yield* Document.conflicts(doc), {
        conflicts: [Revision.make(`2-${"a".repeat(32)}`)],
        deletedConflicts: [Revision.make(`2-${"d".repeat(32)}`)]
      })
    }))

  it.scoped("copy takes body and attachments, and asks before it overwrites", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      yield* raw("PUT", `/${zoo.database}/monarch`, {
        ...monarch,
        extra: true,
        _attachments: { "wing.bin": { content_type: "application/octet-stream", data: "AAEC" } }
      })
      const doc = yield* Document.fetch(zoo, "monarch")
      const copy = yield* Document.copy(doc, "copy")
      assert.deepStrictEqual(copy.body, monarch)
      const there = yield* Document.fetch(zoo, "copy")
      assert.deepStrictEqual(there.rev, copy.rev)
      assert.strictEqual(there.attachments["wing.bin"]?.length, 3)
      assert.include(yield* stored(zoo.database, "copy"), `"extra":true`)
      const taken = yield* Effect.flip(Document.copy(doc, "copy"))
      assert.strictEqual(taken._tag === "ConflictError" && taken.operation, "copy")
      const over = yield* Document.copy(doc, "copy", { overwrite: true })
      assert.strictEqual(Revision.generation(yield* Document.revision(over)), 2)
      yield* Document.copy(doc, "fresh", { overwrite: true })
      const dirty = yield* Effect.flip(Document.copy(seenAgain(doc), "other"))
      assert.strictEqual(dirty._tag, "UnsavedChangesError")
    }))

  it.scoped("an id codec maps keys to ids", () =>
    Effect.gen(function*() {
      const plain = yield* butterflies
      const keyed = Collection.make(plain.database, plain.schema, { id: Collection.prefixed("butterfly:") })
      yield* Document.create(keyed, "monarch", monarch)
      assert.strictEqual((yield* Document.fetch(plain, "butterfly:monarch")).body.seen, 1)
      assert.strictEqual((yield* Document.fetch(keyed, "monarch")).id, "butterfly:monarch")
    }))

  it.scoped("a body that is not what the schema says is a DecodeError that shows no value", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      yield* raw("PUT", `/${zoo.database}/moth`, { name: "a secret", seen: "often" })
      const error = yield* Effect.flip(Document.fetch(zoo, "moth"))
      assert.strictEqual(error._tag, "DecodeError")
      if (error._tag === "DecodeError") {
        assert.deepStrictEqual(error.issues, [{ path: ["seen"], expected: "expected number" }])
        assert.notInclude(error.message + JSON.stringify(error), "often")
        assert.include(error.message, "moth")
      }
    }))

  it.scoped("a document leaves the process and comes back with its base", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      yield* raw("PUT", `/${zoo.database}/monarch`, `{"name":"Monarch","seen":1,"big":12345678901234567890}`)
      const schema = Document.schema(zoo)
      const sent = yield* Document.fetch(zoo, "monarch").pipe(
        Effect.map(seenAgain),
        Effect.flatMap(Schema.encode(schema))
      )
      const received = yield* Schema.decodeUnknown(schema)(JSON.parse(JSON.stringify(sent)))
      assert.isTrue(Document.isDirty(received))
      assert.deepStrictEqual(Option.map(received.base, (base) => base.body), Option.some(monarch))
      yield* Document.save(received)
      assert.include(yield* stored(zoo.database, "monarch"), `"seen":2,"big":12345678901234567890`)
    }))
}
