import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import { Attachment, Collection, CouchError, CouchHttp, Database, Document, Transport } from "effect-couchdb"
import { EmbeddedCouch } from "effect-couchdb-embedded"
import * as Serve from "effect-couchdb-embedded/Serve"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { createHash } from "node:crypto"
import { gunzipSync, gzipSync } from "node:zlib"
import { serve } from "../contract/httpServer.js"
import { fetchTransport } from "../contract/targets.js"
import { interceptedClient } from "../support/transport.js"

const zoo = Collection.make("zoo", Schema.Struct({ n: Schema.Number }))
const lost = new CouchError.TransportError({ method: "PUT", path: "/", reason: "Body", description: "cut" })
const binary = Uint8Array.from({ length: 20_000 }, (_, n) => (n * 31) & 255)
const png = { contentType: "image/png", bytes: binary }

const drain = <E, R>(stream: Stream.Stream<Uint8Array, E, R>) =>
  Stream.runFold(stream, 0, (sum, piece) => sum + piece.length)

const isFile = ({ method, path }: Transport.TransportRequest) => method === "GET" && /^\/zoo\/a\/x/.test(path)
const isWhole = ({ method, path }: Transport.TransportRequest) => method === "GET" && path.includes("attachments=true")

/** A line whose answers to some requests are changed. */
const changed = (
  which: (request: Transport.TransportRequest) => boolean,
  change: (response: Transport.BufferedResponse) => Transport.BufferedResponse
) =>
  Effect.tap(
    interceptedClient((request, _, pass) =>
      Effect.map(pass(request), (response) => which(request) ? change(response) : response)
    ),
    ({ layer }) => Effect.provide(Database.create("zoo"), layer)
  )

const flip = (at: number) => (response: Transport.BufferedResponse) => {
  const body = Uint8Array.from(Transport.bytes(response))
  body[at] = (body[at] ?? 0) ^ 1
  return { ...response, body }
}

const withFile = (file: Attachment.File) =>
  Effect.flatMap(Document.create(zoo, "a", { n: 1 }), (doc) => Attachment.put(doc, "x", file))

const running = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.fork(effect)
    yield* TestClock.adjust("2 minutes")
    return yield* Fiber.join(fiber)
  })

describe("a download", () => {
  it.effect("whose bytes are not those stored fails at its end", () =>
    Effect.gen(function*() {
      for (const file of [png, { contentType: "text/plain", bytes: "words ".repeat(900) }]) {
        const on = yield* changed(isFile, flip(file === png ? 9_999 : 15))
        const error = yield* withFile(file).pipe(
          Effect.flatMap((doc) => Effect.flip(drain(Attachment.get(doc, "x")))),
          Effect.provide(on.layer)
        )
        // Damaged gzip may be no gzip any more before its digest is known.
        assert.include(["IntegrityError", "TransportError"], error._tag)
        if (file === png) assert.strictEqual(error._tag, "IntegrityError")
        assert.notInclude(error.message, "words")
      }
    }))

  it.effect("of compressed text is verified by the bytes stored, or by their number where a transport undid it", () =>
    Effect.gen(function*() {
      const file = { contentType: "text/plain", bytes: "words ".repeat(900) }
      const decoded = yield* changed(
        isFile,
        (response) => ({ ...response, body: gunzipSync(Transport.bytes(response)) })
      )
      assert.strictEqual(
        yield* withFile(file).pipe(
          Effect.flatMap((doc) => drain(Attachment.get(doc, "x"))),
          Effect.provide(decoded.layer)
        ),
        5400
      )
      const short = yield* changed(isFile, (response) => ({
        ...response,
        body: gunzipSync(Transport.bytes(response)).subarray(0, 5000)
      }))
      const error = yield* withFile(file).pipe(
        Effect.flatMap((doc) => Effect.flip(drain(Attachment.get(doc, "x")))),
        Effect.provide(short.layer)
      )
      assert.strictEqual(error._tag, "TransportError")
    }))

  const note = "words ".repeat(900)

  /** A file of a document on a server, read with the `fetch` of the platform. */
  const overFetch = (file: { readonly headers: Readonly<Record<string, string>>; readonly body: Uint8Array }) =>
    Effect.gen(function*() {
      const { url } = yield* serve((incoming, response) => {
        const isFile = incoming.url?.startsWith("/zoo/a/x") === true
        const stub = {
          content_type: "text/plain",
          revpos: 1,
          digest: file.headers["x-digest"],
          length: 5400,
          stub: true
        }
        response.writeHead(
          200,
          isFile ? { ...file.headers, "content-length": file.body.length } : { "content-type": "application/json" }
        )
        response.end(isFile ? file.body : JSON.stringify({ _id: "a", _rev: "1-a", n: 1, _attachments: { x: stub } }))
      })
      return yield* CouchHttp.make({ url, retry: "none" }).pipe(Effect.provide(fetchTransport))
    })

  const headersOf = (stored: Uint8Array, compressed: boolean) => {
    const md5 = createHash("md5").update(stored).digest("base64")
    return {
      "content-type": "text/plain",
      "etag": `"${md5}"`,
      "x-digest": `md5-${md5}`,
      ...(compressed ? { "content-encoding": "gzip", "accept-ranges": "none" } : { "accept-ranges": "bytes" })
    }
  }

  it.scopedLive("over fetch is held against its digest, or where fetch inflated it, against the length that is known", () =>
    Effect.gen(function*() {
      const stored = new Uint8Array(gzipSync(note))
      const inflated = yield* overFetch({ headers: headersOf(stored, true), body: stored })
      const ofFile = (couch: CouchHttp.Service) =>
        Effect.gen(function*() {
          const doc = yield* Document.fetch(zoo, "a")
          const known = yield* Attachment.open(doc, "x")
          const unknown = yield* Attachment.open(Attachment.at(zoo, "a"), "x")
          return {
            verification: [known.verification, unknown.verification],
            known: yield* Effect.either(drain(known.bytes)),
            unknown: yield* Effect.either(drain(unknown.bytes))
          }
        }).pipe(Effect.scoped, Effect.provideService(CouchHttp.CouchHttp, couch))

      const right = yield* ofFile(inflated)
      assert.deepStrictEqual(right.verification, ["length", "none"])
      assert.deepStrictEqual([right.known, right.unknown], [Either.right(5400), Either.right(5400)])

      // Fewer bytes, well compressed: nothing but the length that the document tells can know.
      const less = new Uint8Array(gzipSync(note.slice(6)))
      const short = yield* ofFile(yield* overFetch({ headers: headersOf(stored, true), body: less }))
      assert.strictEqual(Either.getOrThrow(Either.flip(short.known))._tag, "TransportError")
      assert.isTrue(Either.isRight(short.unknown))

      // What is no compression fails wherever it is inflated.
      const bent = yield* ofFile(
        yield* overFetch({
          headers: headersOf(stored, true),
          body: stored.map((byte, i) => i === 20 ? byte ^ 255 : byte)
        })
      )
      assert.isTrue(Either.isLeft(bent.known))
      assert.isTrue(Either.isLeft(bent.unknown))

      const plain = new TextEncoder().encode(note)
      const whole = yield* ofFile(yield* overFetch({ headers: headersOf(plain, false), body: plain }))
      assert.deepStrictEqual(whole.verification, ["digest", "digest"])
      assert.deepStrictEqual([whole.known, whole.unknown], [Either.right(5400), Either.right(5400)])
      const other = yield* ofFile(
        yield* overFetch({
          headers: headersOf(plain, false),
          body: plain.map((byte, i) => i === 20 ? byte ^ 1 : byte)
        })
      )
      for (const read of [other.known, other.unknown]) {
        assert.strictEqual(Either.getOrThrow(Either.flip(read))._tag, "IntegrityError")
      }
    }))

  it.effect("that a client says it inflated, and did not, is not taken for the file", () =>
    Effect.gen(function*() {
      const stored = new Uint8Array(gzipSync(note))
      // What a client of one's own makes of an answer: nobody inflates this one.
      const client = HttpClient.make((request) =>
        Effect.succeed(
          HttpClientResponse.fromWeb(request, new Response(stored, { headers: headersOf(stored, true) }))
        )
      )
      const layer = CouchHttp.layer({ url: "http://stub", retry: "none" }).pipe(
        Layer.provide(Transport.layerHttpClient()),
        Layer.provide(Layer.succeed(HttpClient.HttpClient, client))
      )
      const error = yield* Effect.flip(Effect.provide(drain(Attachment.get(Attachment.at(zoo, "a"), "x")), layer))
      assert.strictEqual(error._tag, "IntegrityError")
    }))

  it.scopedLive("with its document over fetch is held against its digest, however it is stored", () =>
    Effect.gen(function*() {
      const file = { contentType: "text/plain", bytes: note }
      const { url } = yield* Serve.serve({ quiet: true })
      const damaged = Effect.map(Transport.Transport, (plain): Transport.Service => ({
        ...plain,
        stream: (request) =>
          Effect.map(plain.stream(request), (response) => ({
            ...response,
            body: Stream.map(response.body, (bytes) => {
              const gzip = Buffer.from(bytes).indexOf(Buffer.from([0x1f, 0x8b]))
              return isWhole(request) && gzip !== -1 ? bytes.map((byte, i) => i === gzip + 9 ? byte ^ 1 : byte) : bytes
            })
          }))
      }))
      const whole = Effect.scoped(Effect.flatMap(
        Attachment.fetchAll(zoo, "a"),
        ({ files }) => drain(Stream.flatMap(files, ({ bytes }) => bytes))
      ))
      const good = CouchHttp.layer({ url }).pipe(Layer.provide(fetchTransport))
      yield* Effect.provide(Effect.zipRight(Database.create("zoo"), withFile(file)), good)
      assert.strictEqual(yield* Effect.provide(whole, good), 5400)
      const line = Layer.effect(Transport.Transport, damaged).pipe(Layer.provide(fetchTransport))
      const error = yield* Effect.flip(
        Effect.provide(whole, CouchHttp.layer({ url, retry: "none" }).pipe(Layer.provide(line)))
      )
      // A byte that says nothing about the content: only the digest knows.
      assert.strictEqual(error._tag, "IntegrityError")
    }))

  it.effect("that ends too early fails", () =>
    Effect.gen(function*() {
      const cut = (response: Transport.BufferedResponse) => ({
        ...response,
        body: Transport.bytes(response).slice(0, -10)
      })
      const one = yield* changed(isFile, cut)
      const doc = Effect.flatMap(withFile(png), (doc) => Effect.flip(drain(Attachment.get(doc, "x"))))
      assert.strictEqual((yield* Effect.provide(doc, one.layer))._tag, "TransportError")
      const all = yield* changed(isWhole, cut)
      const whole = Effect.zipRight(
        withFile(png),
        Effect.scoped(
          Effect.flatMap(
            Attachment.fetchAll(zoo, "a"),
            ({ files }) => drain(Stream.flatMap(files, ({ bytes }) => bytes))
          )
        )
      )
      // The last boundary has no say in the bytes, which are all there.
      const half = yield* changed(isWhole, (response) => ({
        ...response,
        body: Transport.bytes(response).slice(0, 5000)
      }))
      assert.strictEqual((yield* Effect.flip(Effect.provide(whole, half.layer)))._tag, "TransportError")
      assert.isTrue(yield* Effect.isFailure(Effect.provide(whole, all.layer)))
      const damaged = yield* changed(isWhole, flip(5000))
      assert.strictEqual((yield* Effect.flip(Effect.provide(whole, damaged.layer)))._tag, "IntegrityError")
    }))

  it.effect("closes its request when it is interrupted, and when nobody reads on", () =>
    Effect.gen(function*() {
      const couch = yield* EmbeddedCouch.make()
      const opened = yield* Deferred.make<void>()
      const closed = yield* Ref.make(0)
      const engine = EmbeddedCouch.transport(couch)
      const layer = CouchHttp.layer({ url: "http://embedded" }).pipe(Layer.provide(
        Layer.succeed(Transport.Transport, {
          request: engine.request,
          stream: () =>
            Effect.acquireRelease(Deferred.succeed(opened, undefined), () => Ref.update(closed, (n) => n + 1)).pipe(
              Effect.as({
                status: 200,
                headers: { "content-type": "image/png", "etag": "\"x\"", "x-couch-request-id": "0123456789" },
                body: Stream.concat(Stream.make(binary), Stream.never)
              })
            )
        })
      ))
      const place = Attachment.at(zoo, "a")
      const fiber = yield* Effect.fork(Effect.provide(drain(Attachment.get(place, "x")), layer))
      yield* Deferred.await(opened)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(yield* Ref.get(closed), 1)
      yield* Effect.provide(Stream.runDrain(Stream.take(Attachment.get(place, "x"), 1)), layer)
      assert.strictEqual(yield* Ref.get(closed), 2)
    }))
})

describe("an upload whose answer is lost", () => {
  const losing = (what: "answer" | "request", times: number, isWrite: (path: string) => boolean) =>
    Effect.gen(function*() {
      const left = yield* Ref.make(times)
      const on = yield* interceptedClient((request, _, pass) =>
        Effect.gen(function*() {
          const lose = request.method !== "GET" && isWrite(request.path) &&
            (yield* Ref.getAndUpdate(left, (n) => n - 1)) > 0
          if (!lose) return yield* pass(request)
          if (what === "answer") yield* pass(request)
          return yield* lost
        })
      )
      yield* Effect.provide(Database.create("zoo"), on.layer)
      return on
    })

  it.effect("is found where it landed, and sent again where it did not", () =>
    Effect.gen(function*() {
      for (const what of ["answer", "request"] as const) {
        for (const bytes of [binary, "words ".repeat(900)]) {
          const on = yield* losing(what, 2, (path) => path.startsWith("/zoo/a/x"))
          yield* Effect.gen(function*() {
            const put = yield* withFile({ contentType: "text/plain", bytes })
            assert.strictEqual(Option.getOrThrow(put.rev).split("-")[0], "2")
            const gone = yield* Attachment.delete(put, "x")
            assert.strictEqual(Option.getOrThrow(gone.rev).split("-")[0], "3")
          }).pipe(Effect.provide(on.layer), running)
        }
        const on = yield* losing(what, 2, (path) => path === "/zoo/b")
        const saved = yield* Attachment.save(Document.make(zoo, "b", { n: 1 }), { x: png, y: png }).pipe(
          Effect.provide(on.layer),
          running
        )
        assert.strictEqual(Option.getOrThrow(saved.rev).split("-")[0], "1")
      }
    }))

  it.effect("fails with what made it unknown where a stream cannot be sent again", () =>
    Effect.gen(function*() {
      const on = yield* losing("request", 1, (path) => path.startsWith("/zoo/a/x"))
      const error = yield* Document.create(zoo, "a", { n: 1 }).pipe(
        Effect.flatMap((doc) => Effect.flip(Attachment.put(doc, "x", { ...png, bytes: Stream.make(binary) }))),
        Effect.provide(on.layer),
        running
      )
      assert.strictEqual(error._tag, "TransportError")
    }))
})
