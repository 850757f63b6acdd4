import { assert } from "@effect/vitest"
import { Attachment, Collection, Conflict, Document, Merge } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { gzipSync } from "node:zlib"
import { sample } from "../support/deep.js"
import { butterflies, type Contract, raw } from "./suite.js"

const text = (words: string) => new TextEncoder().encode(words)
const binary = (length: number) => Uint8Array.from({ length }, (_, n) => (n * 7 + (n >> 8) * 13) & 255)

const all = <E, R>(stream: Stream.Stream<Uint8Array, E, R>) =>
  Effect.map(Stream.runCollect(stream), (pieces) => Uint8Array.from(Array.from(pieces).flatMap((piece) => [...piece])))

const words = <E, R>(stream: Stream.Stream<Uint8Array, E, R>) =>
  Effect.map(all(stream), (bytes) => new TextDecoder().decode(bytes))

const pieces = (bytes: Uint8Array, size: number) =>
  Stream.fromIterable(
    Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) => bytes.subarray(n * size, (n + 1) * size))
  )

const monarch = Effect.flatMap(
  butterflies,
  (zoo) => Effect.map(Document.create(zoo, "monarch", { name: "Monarch", seen: 1 }), (doc) => ({ zoo, doc }))
)

const png = { contentType: "image/png" }
const plain = { contentType: "text/plain" }

export const attachments: Contract = (it) => {
  it.scoped("a file goes up and comes down, and the document knows it", () =>
    Effect.gen(function*() {
      const { doc, zoo } = yield* monarch
      const bytes = binary(100_000)
      const saved = yield* Attachment.put(doc, "wing.png", { ...png, bytes })
      assert.strictEqual(saved.attachments["wing.png"]?.length, bytes.length)
      assert.isFalse(Document.isDirty(saved))
      assert.deepStrictEqual(yield* all(Attachment.get(saved, "wing.png")), bytes)
      const info = yield* Attachment.info(saved, "wing.png")
      assert.strictEqual(info.contentType, "image/png")
      assert.strictEqual(info.digest, saved.attachments["wing.png"]?.digest)
      assert.isFalse(info.compressed)
      assert.deepStrictEqual(info.storedLength, Option.some(bytes.length))
      assert.deepStrictEqual((yield* Document.fetch(zoo, "monarch")).attachments, saved.attachments)

      // The attachment survives an edit of the body, and the next write finds its revision.
      const edited = yield* Document.save(Document.modify(saved, (body) => ({ ...body, seen: 2 })))
      assert.deepStrictEqual(yield* all(Attachment.get(edited, "wing.png")), bytes)
      const without = yield* Attachment.delete(edited, "wing.png")
      assert.deepStrictEqual(without.attachments, {})
      assert.strictEqual((yield* Effect.flip(all(Attachment.get(without, "wing.png"))))._tag, "NotFoundError")
      assert.strictEqual((yield* Effect.flip(Attachment.info(without, "wing.png")))._tag, "NotFoundError")
      assert.deepStrictEqual(
        (yield* Document.save(Document.modify(without, (body) => ({ ...body, seen: 3 })))).attachments,
        {}
      )
    }))

  it.scoped("a stream goes up as it comes", () =>
    Effect.gen(function*() {
      const { doc } = yield* monarch
      const bytes = binary(300_000)
      const saved = yield* Attachment.put(doc, "big.bin", {
        contentType: "application/octet-stream",
        bytes: pieces(bytes, 7001)
      })
      assert.deepStrictEqual(yield* all(Attachment.get(saved, "big.bin")), bytes)
    }))

  it.scoped("a stream that fails is the error of the write, and nothing is stored", () =>
    Effect.gen(function*() {
      const { doc, zoo } = yield* monarch
      const error = yield* Effect.flip(Attachment.put(doc, "big.bin", {
        ...png,
        bytes: Stream.concat(Stream.make(binary(10)), Stream.fail("no more" as const))
      }))
      assert.strictEqual(error, "no more")
      assert.deepStrictEqual((yield* Document.fetch(zoo, "monarch")).attachments, {})
    }))

  it.scoped("text is stored compressed, and comes back as it was", () =>
    Effect.gen(function*() {
      const { doc, zoo } = yield* monarch
      const note = "seen at noon, ".repeat(500)
      const saved = yield* Attachment.put(doc, "note.txt", { ...plain, bytes: note })
      assert.strictEqual(saved.attachments["note.txt"]?.length, note.length)
      assert.strictEqual(yield* words(Attachment.get(saved, "note.txt")), note)
      const info = yield* Attachment.info(saved, "note.txt")
      assert.isTrue(info.compressed)
      assert.strictEqual(info.digest, saved.attachments["note.txt"]?.digest)
      assert.strictEqual(yield* words(Attachment.get(Attachment.at(zoo, "monarch"), "note.txt")), note)
    }))

  it.scoped("returns text that is gzip itself unchanged, whatever inflates the response on the way", () =>
    Effect.gen(function*() {
      const { doc, zoo } = yield* monarch
      const inner = new Uint8Array(gzipSync("seen at noon, ".repeat(500)))
      const own = { ...plain, bytes: inner }
      // The server compresses the one once more, and takes the other for what it has compressed already.
      const first = yield* Attachment.put(doc, "twice.txt", own)
      const saved = yield* Attachment.put(first, "once.txt", { ...own, encoding: "gzip" })
      for (const target of [saved, Attachment.at(zoo, "monarch")]) {
        assert.deepStrictEqual(yield* all(Attachment.get(target, "twice.txt")), inner)
        assert.strictEqual(yield* words(Attachment.get(target, "once.txt")), "seen at noon, ".repeat(500))
      }
      const { files } = yield* Attachment.fetchAll(zoo, "monarch")
      const read = yield* Stream.runCollect(
        Stream.mapEffect(files, ({ bytes, name }) => Effect.map(all(bytes), (bytes) => [name, bytes.length]))
      )
      assert.deepStrictEqual(Object.fromEntries(read), { "twice.txt": inner.length, "once.txt": 7000 })
    }))

  it.scoped("any name that is one", () =>
    Effect.gen(function*() {
      const { doc } = yield* monarch
      let now = doc
      const names = ["a b/c?d#e", "100%", "%2F", "ünï🦋", "a/../b", "...", "q&a=b+c", "'\"quoted\""]
      for (const name of names) now = yield* Attachment.put(now, name, { ...png, bytes: text(name) })
      assert.deepStrictEqual(new Set(Object.keys(now.attachments)), new Set(names))
      for (const name of names) assert.strictEqual(yield* words(Attachment.get(now, name)), name)
      for (const name of ["", ".", "..", "_mine", "\ud800"]) {
        assert.strictEqual(
          (yield* Effect.flip(Attachment.put(now, name, { ...png, bytes: "x" })))._tag,
          "InvalidIdError"
        )
        assert.strictEqual((yield* Effect.flip(all(Attachment.get(now, name))))._tag, "InvalidIdError")
      }
    }))

  it.scoped("ranges of what is not compressed", () =>
    Effect.gen(function*() {
      const { doc } = yield* monarch
      const bytes = binary(1000)
      const saved = yield* Attachment.put(doc, "x.bin", { contentType: "application/octet-stream", bytes })
      assert.deepStrictEqual(yield* all(Attachment.get(saved, "x.bin", { first: 10, last: 19 })), bytes.slice(10, 20))
      assert.deepStrictEqual(yield* all(Attachment.get(saved, "x.bin", { first: 990 })), bytes.slice(990))
      assert.strictEqual(
        (yield* Effect.flip(all(Attachment.get(saved, "x.bin", { first: 5000 }))))._tag,
        "RangeNotSatisfiableError"
      )
    }))

  it.scoped("ranges of what is compressed, which the server does not give", () =>
    Effect.gen(function*() {
      const { doc } = yield* monarch
      const long = Array.from({ length: 20_000 }, (_, i) => String(i)).join(" ")
      const saved = yield* Attachment.put(doc, "x.txt", { contentType: "text/plain", bytes: text(long) })
      const ranges: ReadonlyArray<Attachment.Range> = [
        { first: 0, last: 99 },
        { first: 40_000, last: 40_000 },
        { first: 70_000 },
        { first: long.length - 1 },
        { first: long.length - 5, last: long.length + 5 }
      ]
      for (const range of ranges) {
        const end = range.last === undefined ? undefined : range.last + 1
        assert.strictEqual(yield* words(Attachment.get(saved, "x.txt", range)), long.slice(range.first, end))
      }
    }))

  it.scoped("edits are neither lost nor sent along", () =>
    Effect.gen(function*() {
      const { doc, zoo } = yield* monarch
      const edited = Document.modify(doc, (body) => ({ ...body, seen: 2 }))
      assert.strictEqual(
        (yield* Effect.flip(Attachment.put(edited, "x", { ...png, bytes: "x" })))._tag,
        "UnsavedChangesError"
      )
      assert.strictEqual((yield* Effect.flip(Attachment.delete(edited, "x")))._tag, "UnsavedChangesError")
      const unsaved = Document.make(zoo, "new", { name: "new", seen: 0 })
      assert.strictEqual(
        (yield* Effect.flip(Attachment.put(unsaved, "x", { ...png, bytes: "x" })))._tag,
        "UnsavedDocumentError"
      )
      assert.strictEqual((yield* Document.fetch(zoo, "monarch")).body.seen, 1)
    }))

  it.scoped("a document and several files are saved in one revision", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      const bytes = binary(50_000)
      const note = "noon ".repeat(300)
      const first = yield* Attachment.save(Document.make(zoo, "a", { name: "a", seen: 1 }), {
        "wing.bin": { contentType: "application/octet-stream", bytes: pieces(bytes, 999), length: bytes.length },
        "a b/c?d#e": { ...png, bytes: text("odd") },
        "empty": { ...png, bytes: new Uint8Array(0) },
        "note.txt": { ...plain, bytes: note }
      })
      assert.strictEqual(Option.getOrThrow(first.rev).split("-")[0], "1")
      assert.isFalse(Document.isDirty(first))
      assert.deepStrictEqual(yield* all(Attachment.get(first, "wing.bin")), bytes)
      assert.strictEqual(yield* words(Attachment.get(first, "a b/c?d#e")), "odd")
      assert.strictEqual(yield* words(Attachment.get(first, "empty")), "")
      assert.strictEqual(yield* words(Attachment.get(first, "note.txt")), note)

      const second = yield* Attachment.save(Document.modify(first, (body) => ({ ...body, seen: 2 })), {
        "wing.bin": { ...png, bytes: "new" }
      })
      assert.deepStrictEqual(Object.keys(second.attachments).length, 4)
      assert.strictEqual(yield* words(Attachment.get(second, "wing.bin")), "new")
      assert.strictEqual(yield* words(Attachment.get(second, "note.txt")), note)
      assert.strictEqual((yield* Document.fetch(zoo, "a")).body.seen, 2)

      const third = yield* Attachment.save(second, { "in.txt": { ...plain, bytes: note } }, { inline: true })
      assert.strictEqual(yield* words(Attachment.get(third, "in.txt")), note)
      assert.strictEqual(yield* words(Attachment.get(third, "a b/c?d#e")), "odd")
    }))

  it.scoped("a document comes with all its files in one answer, digests verified", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      const bytes = binary(200_000)
      const note = "noon ".repeat(300)
      const boundaryLike = "\r\n--\r\n--boundary\r\n\r\n--"
      const saved = yield* Attachment.save(Document.make(zoo, "a", { name: "a", seen: 1 }), {
        "wing.bin": { contentType: "application/octet-stream", bytes },
        "note.txt": { ...plain, bytes: note },
        "odd \"name\"": { ...png, bytes: boundaryLike },
        "empty": { ...png, bytes: "" }
      })
      const read = yield* Effect.scoped(Effect.gen(function*() {
        const { document, files } = yield* Attachment.fetchAll(zoo, "a")
        const found = yield* files.pipe(
          Stream.mapEffect((file) => Effect.map(all(file.bytes), (bytes) => [file.name, bytes] as const)),
          Stream.runCollect
        )
        return { document, found: new Map(found) }
      }))
      assert.deepStrictEqual(read.document.rev, saved.rev)
      assert.deepStrictEqual(read.document.attachments, saved.attachments)
      assert.deepStrictEqual(read.found.get("wing.bin"), bytes)
      assert.deepStrictEqual(read.found.get("note.txt"), text(note))
      assert.deepStrictEqual(read.found.get("odd \"name\""), text(boundaryLike))
      assert.deepStrictEqual(read.found.get("empty"), new Uint8Array(0))
      const skipped = yield* Effect.scoped(Effect.flatMap(Attachment.fetchAll(zoo, "a"), ({ files }) =>
        Stream.runCollect(Stream.map(files, ({ name }) =>
          name))))
      assert.strictEqual(skipped.length, 4)
      // The document is one like any other.
      yield* Document.save(Document.modify(read.document, (body) => ({ ...body, seen: 9 })))
      assert.strictEqual(Object.keys((yield* Document.fetch(zoo, "a")).attachments).length, 4)

      yield* Document.create(zoo, "bare", { name: "bare", seen: 0 })
      const bare = yield* Effect.scoped(Effect.flatMap(Attachment.fetchAll(zoo, "bare"), ({ document, files }) =>
        Effect.map(Stream.runCount(files), (count) => [document.body.name, count])))
      assert.deepStrictEqual(bare, ["bare", 0])
    }))

  it.scoped("a conflict goes to a policy, which writes the file and leaves the other side's body", () =>
    Effect.gen(function*() {
      const { doc, zoo } = yield* monarch
      yield* Document.save(Document.modify(doc, (body) => ({ ...body, seen: 7 })))
      const conflict = yield* Effect.flip(Attachment.put(doc, "x.bin", { ...png, bytes: "mine" }))
      assert.isTrue(conflict._tag === "ConflictError" && conflict.operation === "attachment")
      const policies = {
        overwrite: Conflict.overwrite,
        merge: Conflict.merge(Merge.make(zoo.schema)),
        reapply: Conflict.reapply(zoo, (theirs) => theirs)
      }
      for (const name of ["overwrite", "merge", "reapply"] as const) {
        // They differ in their errors only.
        const policy = policies[name] as typeof Conflict.overwrite
        const put = yield* Attachment.put(doc, `${name}.bin`, { ...png, bytes: name }).pipe(
          Effect.catchTag("ConflictError", policy)
        )
        assert.strictEqual(put.body.seen, 7, name)
        assert.strictEqual(yield* words(Attachment.get(put, `${name}.bin`)), name)
        const saved = yield* Attachment.save(doc, { [`s-${name}.bin`]: { ...png, bytes: name } }).pipe(
          Effect.catchTag("ConflictError", policy)
        )
        assert.strictEqual(saved.body.seen, 7, name)
        assert.strictEqual(yield* words(Attachment.get(saved, `s-${name}.bin`)), name)
      }
      const now = yield* Document.fetch(zoo, "monarch")
      assert.strictEqual(Object.keys(now.attachments).length, 6)
      yield* Document.save(Document.modify(now, (body) => ({ ...body, seen: 8 })))
      const gone = yield* Attachment.delete(now, "merge.bin").pipe(Effect.catchTag("ConflictError", Conflict.overwrite))
      assert.deepStrictEqual([gone.body.seen, Object.keys(gone.attachments).length], [8, 5])

      // Edits that go with files are the caller's to merge: nothing is dropped in silence.
      const both = Attachment.save(Document.modify(doc, (body) => ({ ...body, name: "M" })), {
        y: { ...png, bytes: "y" }
      })
      const left = yield* Effect.either(Effect.catchTag(both, "ConflictError", policies.merge))
      assert.isTrue(Either.isLeft(left) && left.left._tag === "ConflictError")
      const over = yield* Effect.catchTag(both, "ConflictError", Conflict.overwrite)
      assert.deepStrictEqual([over.body.name, over.body.seen, Object.keys(over.attachments).length], ["M", 1, 6])
    }))

  it.scoped("what others stored survives: unknown members, and gzip that they made themselves", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      yield* raw("PUT", `/${zoo.database}/a`, `{"big":12345678901234567890,"name":"a","seen":1}`)
      const doc = yield* Document.fetch(zoo, "a")
      const saved = yield* Attachment.save(doc, { x: { ...png, bytes: "x" } })
      const both = yield* Attachment.put(saved, "y", { ...png, bytes: "y" })
      const edited = yield* Document.save(Document.modify(both, (body) => ({ ...body, seen: 2 })))
      assert.strictEqual(Object.keys(edited.attachments).length, 2)
      const Anything = Collection.make(zoo.database, zoo.schema)
      assert.isTrue(Option.isSome(yield* Document.fetchOption(Anything, "a")))
    }))

  it.scoped("some megabytes through multipart, unchanged", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      const bytes = binary(sample(1_000_000, 5_000_000))
      const saved = yield* Attachment.save(Document.make(zoo, "a", { name: "a", seen: 1 }), {
        "x.bin": { contentType: "application/octet-stream", bytes: pieces(bytes, 65_536), length: bytes.length }
      })
      const length = yield* Effect.scoped(Effect.flatMap(Attachment.fetchAll(zoo, "a"), ({ files }) =>
        Stream.runFold(
          Stream.flatMap(files, (file) => file.bytes),
          0,
          (sum, piece) => sum + piece.length
        )))
      assert.strictEqual(length, bytes.length)
      assert.strictEqual(saved.attachments["x.bin"]?.length, bytes.length)
    }))
}
