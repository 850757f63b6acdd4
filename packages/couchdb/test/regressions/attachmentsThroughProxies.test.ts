import { assert, describe, it } from "@effect/vitest"
import { Attachment, Collection, CouchHttp, Database, Document, Replication, Transport, View } from "effect-couchdb"
import { EmbeddedCouch } from "effect-couchdb-embedded"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import { gzipSync } from "node:zlib"
import { every } from "../support/deep.js"
import { type Client, proxied, type Proxy } from "../support/proxy.js"

const zoo = Collection.make("zoo", Schema.Struct({ n: Schema.Number }))
const encoder = new TextEncoder()

const wing = encoder.encode(`<svg xmlns="http://www.w3.org/2000/svg">${"<g/>".repeat(1000)}</svg>`)
const note = encoder.encode("seen at noon, ".repeat(500))

/** Files of every kind: stored plain, by the server compressed, compressed before they came, and gzip that is content. */
const files: Readonly<Record<string, { readonly file: Attachment.File; readonly content: Uint8Array }>> = {
  "wing.svg": { file: { contentType: "image/svg+xml", bytes: wing }, content: wing },
  "note.txt": { file: { contentType: "text/plain", bytes: note }, content: note },
  "sent.txt": {
    file: { contentType: "text/plain", bytes: new Uint8Array(gzipSync(note)), encoding: "gzip" },
    content: note
  },
  "notes.gz": {
    file: { contentType: "application/gzip", bytes: new Uint8Array(gzipSync(note)) },
    content: new Uint8Array(gzipSync(note))
  },
  "empty.svg": {
    file: { contentType: "image/svg+xml", bytes: new Uint8Array(0) },
    content: new Uint8Array(0)
  },
  "empty.txt": { file: { contentType: "text/plain", bytes: "" }, content: new Uint8Array(0) }
}

const clients: ReadonlyArray<Client> = [
  "inflates",
  "leaves",
  "inflates silently",
  "leaves silently",
  "hides what it inflated"
]

const weak = (etag: string) => `W/${etag}`
const suffixed = (suffix: string) => (etag: string) => etag.replace(/"$/, `${suffix}"`)

/** What leaves the content alone, however it puts it. */
const honest: Readonly<Record<string, Proxy>> = {
  "none": {},
  "nginx": { compresses: "gzip", etag: weak },
  "one that deflates unasked": { compresses: "deflate", ignoresAcceptEncoding: true, etag: weak },
  "one that keeps Accept-Ranges": { compresses: "gzip", etag: weak, acceptRanges: "keep" },
  "one that gives no ranges": { compresses: "gzip", etag: weak, acceptRanges: "none" },
  "Apache": { compresses: "gzip", etag: suffixed("-gzip"), acceptRanges: "keep" },
  "Caddy": { compresses: "gzip", etag: suffixed("-gzip") },
  "one that keeps a strong ETag and gives no ranges": { compresses: "gzip", acceptRanges: "none" },
  "one that keeps a strong ETag": { compresses: "gzip", acceptRanges: "keep" },
  "one that keeps nothing but a strong ETag": { compresses: "gzip" },
  "one that drops the ETag": { compresses: "gzip", etag: () => undefined },
  "one that makes its own ETag": { compresses: "gzip", etag: () => "\"5f3c-1a2b\"" },
  "one that asks the server for no encoding": { accepts: "" },
  "one that asks for none and compresses": { accepts: "", compresses: "gzip", etag: weak },
  "gunzip of nginx": { accepts: "gzip", inflates: true, etag: weak },
  "one that inflates and keeps the headers": { accepts: "gzip", inflates: true, acceptRanges: "keep" },
  "one that inflates and keeps the ETag": { accepts: "gzip", inflates: true },
  "one that hides headers": { hides: ["etag", "accept-ranges", "content-length"] },
  "one that hides all but the ETag": { hides: ["accept-ranges", "content-length"] }
}

/** The files on a server, put there on a straight way, and the ways to it. */
const stored = Effect.gen(function*() {
  const couch = yield* EmbeddedCouch.make()
  const engine = EmbeddedCouch.transport(couch)
  const over = (transport: Transport.Service) =>
    CouchHttp.layer({ url: "http://embedded", retry: "none" }).pipe(
      Layer.provide(Layer.succeed(Transport.Transport, transport))
    )
  const put = Effect.gen(function*() {
    yield* Database.create("zoo")
    let doc = yield* Document.create(zoo, "a", { n: 1 })
    for (const [name, { file }] of Object.entries(files)) doc = yield* Attachment.put(doc, name, file)
    return doc
  })
  const doc = yield* Effect.provide(put, over(engine))
  return { doc, by: (proxy: Proxy, client: Client) => over(proxied(proxy, client)(engine)), over, engine }
})

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex")

const read = <E, R>(stream: Stream.Stream<Uint8Array, E, R>) =>
  Effect.map(Stream.runCollect(stream), (pieces) => hex(Buffer.concat(Array.from(pieces))))

const targets = (doc: Document.Document<{ readonly n: number }>) => ({ doc, id: Attachment.at(zoo, "a") })

/** Gzip that is content looks as if nothing had inflated it, if the client does not say whether it does. */
const isAmbiguous = (client: Client, name: string) => client === "inflates silently" && name === "notes.gz"

describe("an attachment through a proxy", () => {
  for (const [kind, proxy] of Object.entries(honest)) {
    it.effect(`comes as it is: ${kind}`, () =>
      Effect.gen(function*() {
        const { by, doc } = yield* stored
        for (const client of every(2, clients)) {
          for (const [name, { content }] of Object.entries(files)) {
            if (isAmbiguous(client, name)) continue
            for (const [target, of] of Object.entries(targets(doc))) {
              const bytes = yield* Effect.either(Effect.provide(read(Attachment.get(of, name)), by(proxy, client)))
              assert.deepStrictEqual(bytes, Either.right(hex(content)), `${client}, ${name} of ${target}`)
            }
          }
        }
      }))
  }

  it.effect("is inflated by a client that can, and refused if nothing here can", () =>
    Effect.gen(function*() {
      const { by, doc } = yield* stored
      const proxy: Proxy = { compresses: "br", ignoresAcceptEncoding: true, etag: weak }
      for (const of of Object.values(targets(doc))) {
        const get = read(Attachment.get(of, "wing.svg"))
        assert.strictEqual(yield* Effect.provide(get, by(proxy, "inflates")), hex(wing))
        const error = yield* Effect.flip(Effect.provide(get, by(proxy, "leaves")))
        assert.strictEqual(error._tag, "UnexpectedResponseError")
        assert.include(error.message, "br")
      }
    }))

  const changes: Readonly<Record<string, (content: Uint8Array) => Uint8Array>> = {
    "changes a byte": (content) => content.map((byte, i) => i === 60 ? byte ^ 1 : byte),
    "cuts": (content) => content.subarray(0, content.length - 7),
    "adds": (content) => new Uint8Array([...content, 10])
  }

  for (const [how, transforms] of Object.entries(changes)) {
    it.effect(`that ${how} fails at its end if the digest is known`, () =>
      Effect.gen(function*() {
        const { by, doc } = yield* stored
        const proxies: ReadonlyArray<Proxy> = [
          { transforms },
          { transforms, etag: weak },
          { transforms, compresses: "gzip" },
          { transforms, compresses: "gzip", etag: weak },
          { transforms, accepts: "", compresses: "gzip", etag: weak },
          { transforms, compresses: "gzip", etag: suffixed("-gzip"), acceptRanges: "keep" },
          { transforms, hides: ["etag", "accept-ranges", "content-length"] },
          { transforms, accepts: "", hides: ["content-length"] }
        ]
        for (const [number, proxy] of proxies.entries()) {
          const isStrong = proxy.etag === undefined && proxy.hides?.includes("etag") !== true
          for (const client of every(2, clients)) {
            const layer = by(proxy, client)
            for (const [target, of] of Object.entries(targets(doc))) {
              const got = yield* Effect.either(Effect.provide(read(Attachment.get(of, "wing.svg")), layer))
              const what = `${client}, proxy ${number}, ${target}`
              // Without a digest nobody can know.
              if (target === "doc" || isStrong) {
                assert.isTrue(Either.isLeft(got), what)
                if (Either.isLeft(got)) assert.include(["IntegrityError", "TransportError"], got.left._tag, what)
                if (Either.isLeft(got) && how !== "cuts") assert.strictEqual(got.left._tag, "IntegrityError", what)
              } else assert.deepStrictEqual(got, Either.right(hex(transforms(wing))), what)
            }
            // Of what is stored compressed a document knows the length, and a strong ETag the bytes.
            if (how !== "changes a byte" || (isStrong && client === "leaves" && proxy.accepts === undefined)) {
              const got = yield* Effect.either(Effect.provide(read(Attachment.get(doc, "note.txt")), layer))
              assert.isTrue(Either.isLeft(got), `${client}, proxy ${number}, note.txt`)
            }
          }
        }
      }))
  }

  it.effect("that takes the name of the encoding away, and not the encoding, is not taken for the file", () =>
    Effect.gen(function*() {
      const { by, doc } = yield* stored
      const proxies: ReadonlyArray<Proxy> = [
        { hides: ["content-encoding"] },
        { hides: ["content-encoding", "accept-ranges", "content-length"] }
      ]
      for (const proxy of proxies) {
        for (const of of Object.values(targets(doc))) {
          for (const client of ["leaves", "leaves silently", "inflates"] as const) {
            const error = yield* Effect.flip(
              Effect.provide(read(Attachment.get(of, "note.txt")), by(proxy, client))
            )
            assert.strictEqual(error._tag, "IntegrityError")
          }
          // What is gzip itself stays what it is.
          assert.strictEqual(
            yield* Effect.provide(read(Attachment.get(of, "notes.gz")), by(proxy, "leaves")),
            hex(files["notes.gz"]?.content ?? new Uint8Array(0))
          )
        }
      }
    }))

  it.effect("that a client inflates in silence fails rather than being inflated twice, if the digest is known", () =>
    Effect.gen(function*() {
      const { by, doc } = yield* stored
      const error = yield* Effect.flip(
        Effect.provide(
          read(Attachment.get(doc, "notes.gz")),
          by({ compresses: "gzip", etag: weak }, "inflates silently")
        )
      )
      assert.strictEqual(error._tag, "IntegrityError")
    }))

  it.effect("is looked up only if its bytes do not have the digest", () =>
    Effect.gen(function*() {
      const { doc, engine, over } = yield* stored
      const lookups = (proxy: Proxy, client: Client, name: string) =>
        Effect.gen(function*() {
          const asked: Array<string> = []
          const way = proxied(proxy, client)({
            ...engine,
            request: (request) => Effect.zipRight(Effect.sync(() => asked.push(request.path)), engine.request(request))
          })
          for (const of of Object.values(targets(doc))) {
            yield* Effect.provide(Stream.runDrain(Attachment.get(of, name)), over(way))
          }
          return asked.filter((path) => path.includes("att_encoding_info")).length
        })
      for (const client of every(2, clients)) {
        for (const name of ["wing.svg", "note.txt"]) {
          assert.strictEqual(yield* lookups({}, client, name), 0, `${client} ${name}`)
          assert.strictEqual(yield* lookups({ compresses: "gzip", etag: weak }, client, name), 0, `${client} ${name}`)
        }
      }
      assert.strictEqual(yield* lookups({ accepts: "gzip", inflates: true, etag: weak }, "leaves", "note.txt"), 1)
    }))
})

describe("a range through a proxy", () => {
  const ranges: ReadonlyArray<Attachment.Range> = [
    { first: 0, last: 0 },
    { first: 0 },
    { first: 3, last: 5 },
    { first: 1000, last: 2999 },
    { first: 2990 },
    { first: 2990, last: 100_000 }
  ]
  const slice = (bytes: Uint8Array, { first, last }: Attachment.Range) =>
    hex(bytes.slice(first, last === undefined ? undefined : last + 1))

  it.effect("is that part, whether the proxy passes it on or not", () =>
    Effect.gen(function*() {
      const { by, doc } = yield* stored
      const proxies: ReadonlyArray<Proxy> = [
        {},
        { ignoresRange: true },
        { ignoresRange: true, compresses: "gzip", ignoresAcceptEncoding: true, etag: weak },
        { ignoresRange: true, accepts: "gzip" },
        { ignoresRange: true, hides: ["etag", "accept-ranges", "content-length"] }
      ]
      for (const [number, proxy] of proxies.entries()) {
        for (const client of every(2, clients)) {
          for (const [name, content] of [["wing.svg", wing], ["note.txt", note]] as const) {
            for (const of of Object.values(targets(doc))) {
              for (const range of every(3, ranges)) {
                const part = yield* Effect.either(
                  Effect.provide(read(Attachment.get(of, name, range)), by(proxy, client))
                )
                assert.deepStrictEqual(
                  part,
                  Either.right(slice(content, range)),
                  `${number} ${client} ${name} ${JSON.stringify(range)}`
                )
              }
              const outside = yield* Effect.flip(
                Effect.provide(read(Attachment.get(of, name, { first: 1e6, last: 2e6 })), by(proxy, client))
              )
              assert.strictEqual(outside._tag, "RangeNotSatisfiableError", `${number} ${client} ${name}`)
            }
          }
        }
      }
    }))

  it.effect("of what a cache holds compressed is a part of the file", () =>
    Effect.gen(function*() {
      const { by, doc } = yield* stored
      const held = new Uint8Array(gzipSync(note))
      const proxy: Proxy = {
        mapResponse: ({ headers }, request) => ({
          status: request.headers["range"] === undefined ? 200 : 206,
          headers: {
            ...headers,
            "content-encoding": "gzip",
            "content-range": `bytes 10-19/${held.length}`,
            "etag": weak(headers["etag"] ?? "")
          },
          body: request.headers["range"] === undefined ? held : held.slice(10, 20)
        })
      }
      for (const of of Object.values(targets(doc))) {
        const part = Attachment.get(of, "note.txt", { first: 10, last: 19 })
        for (const client of ["leaves", "leaves silently"] as const) {
          assert.strictEqual(yield* Effect.provide(read(part), by(proxy, client)), hex(note.slice(10, 20)))
        }
      }
    }))

  it.effect("of stored bytes that nothing inflated fails", () =>
    Effect.gen(function*() {
      const { by, doc } = yield* stored
      const proxy: Proxy = { accepts: "gzip", hides: ["content-encoding"] }
      for (const of of Object.values(targets(doc))) {
        const error = yield* Effect.flip(
          Effect.provide(read(Attachment.get(of, "note.txt", { first: 10, last: 19 })), by(proxy, "leaves"))
        )
        assert.strictEqual(error._tag, "IntegrityError")
      }
    }))

  it.effect("returns the length of the file, not that of the part", () =>
    Effect.gen(function*() {
      const { by, doc } = yield* stored
      const { info } = yield* Effect.scoped(
        Effect.provide(Attachment.open(doc, "wing.svg", { first: 1, last: 2 }), by({}, "leaves"))
      )
      assert.deepStrictEqual(info.storedLength, Option.some(wing.length))
    }))

  it.effect("that is another one fails", () =>
    Effect.gen(function*() {
      const { by, doc } = yield* stored
      const others: ReadonlyArray<Readonly<Record<string, string>>> = [
        { "content-range": "bytes 0-99/4000" },
        { "content-range": "bytes 100-198/4000" },
        { "content-range": "bytes 100-250/4000" },
        { "content-range": "nonsense" },
        {},
        { "content-range": "bytes 100-199/4000", "content-encoding": "gzip" }
      ]
      for (const headers of others) {
        const proxy: Proxy = { mapResponse: () => ({ status: 206, headers, body: wing.slice(0, 100) }) }
        const error = yield* Effect.flip(
          Effect.provide(read(Attachment.get(doc, "wing.svg", { first: 100, last: 199 })), by(proxy, "leaves"))
        )
        assert.strictEqual(error._tag, "UnexpectedResponseError", JSON.stringify(headers))
      }
      const short: Proxy = {
        mapResponse: () => ({
          status: 206,
          headers: { "content-range": "bytes 100-199/*" },
          body: wing.slice(100, 150)
        })
      }
      const error = yield* Effect.flip(
        Effect.provide(read(Attachment.get(doc, "wing.svg", { first: 100, last: 199 })), by(short, "leaves"))
      )
      assert.strictEqual(error._tag, "TransportError")
    }))

  it.effect("that is invalid sends no request", () =>
    Effect.gen(function*() {
      const { doc, over } = yield* stored
      const none = over({ request: () => Effect.dieMessage("asked"), stream: () => Effect.dieMessage("asked") })
      for (
        const range of [{ first: -1 }, { first: 1.5 }, { first: NaN }, { first: 5, last: 4 }, { first: 0, last: 0.5 }]
      ) {
        const error = yield* Effect.flip(Effect.provide(read(Attachment.get(doc, "wing.svg", range)), none))
        assert.strictEqual(error._tag, "RangeNotSatisfiableError")
      }
    }))
})

describe("an answer through a proxy", () => {
  it.effect("says of a file what the server says", () =>
    Effect.gen(function*() {
      const { by, doc } = yield* stored
      const compressing = (etag: Proxy["etag"]): Proxy => ({
        mapResponse: (response, request) =>
          request.headers["accept-encoding"] === "gzip" && response.headers["content-encoding"] === undefined
            ? {
              ...response,
              headers: Object.fromEntries(
                Object.entries({
                  ...response.headers,
                  "content-encoding": "gzip",
                  "content-length": "11",
                  "etag": etag?.(response.headers["etag"] ?? "") ?? response.headers["etag"] ?? ""
                }).filter(([name]) => name !== "accept-ranges")
              )
            }
            : response
      })
      const proxies = [{}, compressing(weak), compressing(suffixed("-gzip")), compressing((etag) => etag)]
      for (const [number, proxy] of proxies.entries()) {
        for (const of of Object.values(targets(doc))) {
          for (const [name, compressed] of [["wing.svg", false], ["note.txt", true], ["notes.gz", false]] as const) {
            const info = yield* Effect.provide(Attachment.info(of, name), by(proxy, "leaves"))
            assert.strictEqual(info.digest, doc.attachments[name]?.digest, `${number} ${name}`)
            assert.strictEqual(info.compressed, compressed, `${number} ${name}`)
            if (!compressed) assert.deepStrictEqual(info.storedLength, Option.some(doc.attachments[name]?.length))
          }
        }
      }
      const all = ["etag", "accept-ranges", "content-length", "content-type"]
      for (const hides of [["etag"], ["accept-ranges"], ["content-encoding"], all]) {
        const info = yield* Effect.provide(
          Attachment.info(Attachment.at(zoo, "a"), "note.txt"),
          by({ hides }, "leaves")
        )
        assert.strictEqual(info.digest, doc.attachments["note.txt"]?.digest)
        assert.isTrue(info.compressed)
        assert.strictEqual(info.contentType, hides === all ? "text/plain" : info.contentType)
        assert.isBelow(Option.getOrThrow(info.storedLength), note.length)
      }
    }))

  it.effect("says why there is no file, compressed or not", () =>
    Effect.gen(function*() {
      const { by, doc } = yield* stored
      for (const client of every(2, clients)) {
        const layer = by({ compresses: "gzip", etag: weak }, client)
        const error = yield* Effect.flip(Effect.provide(read(Attachment.get(doc, "other")), layer))
        assert.isTrue(error._tag === "NotFoundError" && error.reason === "Document is missing attachment", client)
        const gone = yield* Effect.flip(Effect.provide(read(Attachment.get(Attachment.at(zoo, "b"), "x")), layer))
        assert.isTrue(gone._tag === "NotFoundError" && gone.reason === "missing", client)
      }
    }))

  it.effect("that was not asked for is no file", () =>
    Effect.gen(function*() {
      const { by, doc } = yield* stored
      for (const status of [204, 304]) {
        const layer = by({ mapResponse: (response) => ({ ...response, status, body: "" }) }, "leaves")
        const error = yield* Effect.flip(Effect.provide(read(Attachment.get(doc, "wing.svg")), layer))
        assert.strictEqual(error._tag, "UnexpectedResponseError")
      }
    }))

  it.effect("brings a document with all its files, compressed or not", () =>
    Effect.gen(function*() {
      const { by, doc } = yield* stored
      for (const compresses of ["gzip", "deflate"] as const) {
        for (const client of every(2, clients)) {
          const got = yield* Effect.provide(
            Effect.scoped(Effect.flatMap(Attachment.fetchAll(zoo, "a"), (whole) =>
              Effect.map(
                Stream.runCollect(
                  Stream.mapEffect(whole.files, ({ bytes, name }) => Effect.map(read(bytes), (hex) => [name, hex]))
                ),
                (files) => ({ stubs: whole.document.attachments, files: Object.fromEntries(files) })
              ))),
            by({ compresses, ignoresAcceptEncoding: true, etag: weak }, client)
          )
          assert.deepStrictEqual(got.stubs, doc.attachments)
          for (const [name, { content }] of Object.entries(files)) assert.strictEqual(got.files[name], hex(content))
        }
      }
    }))

  it.effect("brings files within JSON from what does not speak multipart", () =>
    Effect.gen(function*() {
      const { doc, engine, over } = yield* stored
      const asJson = (request: Transport.TransportRequest) =>
        engine.stream({ ...request, headers: { ...request.headers, accept: "application/json" } })
      const got = yield* Effect.provide(
        Effect.scoped(Effect.flatMap(Attachment.fetchAll(zoo, "a"), (whole) =>
          Effect.map(
            Stream.runCollect(
              Stream.mapEffect(whole.files, ({ bytes, name }) => Effect.map(read(bytes), (hex) => [name, hex]))
            ),
            (files) => ({ document: whole.document, files: Object.fromEntries(files) })
          ))),
        over({ ...engine, stream: asJson })
      )
      assert.deepStrictEqual(Object.keys(got.files).sort(), Object.keys(files).sort())
      for (const [name, { content }] of Object.entries(files)) assert.strictEqual(got.files[name], hex(content))
      assert.strictEqual(got.document.attachments["wing.svg"]?.length, doc.attachments["wing.svg"]?.length)
    }))

  it.effect("names the revision of a document, whatever became of its ETag", () =>
    Effect.gen(function*() {
      const { by, doc } = yield* stored
      const tags: ReadonlyArray<(etag: string) => string | undefined> = [
        (etag) => etag,
        weak,
        suffixed("-gzip"),
        suffixed("-br"),
        (etag) => weak(suffixed("--gzip")(etag)),
        suffixed(";gzip"),
        () => "\"5f3c-1a2b\"",
        () => undefined
      ]
      for (const tag of tags) {
        const proxy: Proxy = {
          mapResponse: ({ headers: { etag, ...headers }, ...response }, { method }) => {
            const changed = tag(etag ?? "")
            return method === "HEAD" && changed !== undefined
              ? { ...response, headers: { ...headers, etag: changed } }
              : { ...response, headers }
          }
        }
        const info = yield* Effect.provide(Document.info(zoo, "a"), by(proxy, "leaves"))
        assert.deepStrictEqual(Option.some(info.rev), doc.rev)
        assert.isTrue(yield* Effect.provide(Document.exists(zoo, "a"), by(proxy, "leaves")))
        assert.isFalse(yield* Effect.provide(Document.exists(zoo, "b"), by(proxy, "leaves")))
      }
    }))
})

describe("a replication through a proxy that compresses unasked", () => {
  it.effect("carries the files over", () =>
    Effect.gen(function*() {
      const { doc, engine, over } = yield* stored
      const way = over(proxied({ compresses: "gzip", ignoresAcceptEncoding: true, etag: weak }, "leaves")(engine))
      const target = yield* EmbeddedCouch.make()
      const there = over(EmbeddedCouch.transport(target))
      const endpoint = (layer: typeof way) =>
        Effect.map(Effect.provide(CouchHttp.CouchHttp, layer), (couch) => ({ couch, database: "zoo" }))
      yield* Replication.run(yield* endpoint(way), yield* endpoint(there), { createTarget: true })
      for (const [name, { content }] of Object.entries(files)) {
        assert.strictEqual(yield* Effect.provide(read(Attachment.get(doc, name)), there), hex(content), name)
      }
    }))
})

/** A tracer that listens to nothing but its own spans. */
const tracer = Tracer.make({
  span: (name, parent, context, links, startTime, kind) => ({
    _tag: "Span",
    spanId: "1",
    traceId: "1",
    name,
    parent,
    context,
    links,
    kind,
    sampled: true,
    attributes: new Map(),
    status: { _tag: "Started", startTime },
    end: () => {},
    attribute: () => {},
    event: () => {},
    addLinks: () => {}
  }),
  context: (f) => f()
})

describe("a document through a proxy that compresses unasked", () => {
  const steps = (id: string) =>
    Effect.gen(function*() {
      const doc = yield* Document.create(zoo, id, { n: 1 })
      const saved = yield* Document.save(Document.modify(doc, () => ({ n: 2 })))
      assert.deepStrictEqual((yield* Document.fetch(zoo, id)).body, { n: 2 })
      const conflict = yield* Effect.flip(Document.save(Document.modify(doc, () => ({ n: 3 }))))
      assert.isTrue(conflict._tag === "ConflictError" && conflict.reason === "Document update conflict.")
      yield* Document.delete(saved)
      const gone = yield* Effect.flip(Document.fetch(zoo, id))
      assert.isTrue(gone._tag === "NotFoundError" && gone.reason === "deleted")
      assert.strictEqual((yield* Stream.runCollect(View.stream("zoo", View.allDocs))).length, 1)
      assert.isTrue(yield* Document.exists(zoo, "a"))
    })

  it.effect("is read and written, and refused with its reason", () =>
    Effect.gen(function*() {
      const { engine, over } = yield* stored
      for (const compresses of ["gzip", "deflate"] as const) {
        const way = proxied({ compresses, ignoresAcceptEncoding: true, etag: weak }, "leaves")(engine)
        yield* Effect.provide(steps(compresses), over(way))
        yield* Effect.provide(steps(compresses), over({ ...way, keepsDeadlines: true }))
        yield* Effect.provide(Effect.withTracer(steps(compresses), tracer), over(way))
      }
    }))
})
