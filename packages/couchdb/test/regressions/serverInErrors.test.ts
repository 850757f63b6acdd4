import { assert, it } from "@effect/vitest"
import {
  Attachment,
  Auth,
  Batching,
  Bulk,
  Changes,
  Collection,
  Conflict,
  CouchHttp,
  Database,
  DesignDocument,
  Document,
  Functions,
  Lineage,
  LocalDocument,
  Mango,
  Merge,
  Replication,
  Transport,
  View
} from "effect-couchdb"
import { type DesignFunctions, EmbeddedCouch } from "effect-couchdb-embedded"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { inspect } from "node:util"
import { makeResponse, transport } from "../support/transport.js"

type Ask = Transport.Service["request"]

const admin = { username: "ada", password: Redacted.make("opensesame") }

const base = "https://couch.example:8443/db/couch"

/** An embedded CouchDB at a base path, for a client whose URL has credentials. */
const behind = (
  between: (request: Transport.TransportRequest, pass: Ask) => ReturnType<Ask> = (request, pass) => pass(request)
) =>
  Layer.unwrapEffect(Effect.map(EmbeddedCouch.make({ functions, admin }), (couch) => {
    const pass: Ask = (request) =>
      EmbeddedCouch.transport(couch).request({ ...request, path: request.path.replace("/db/couch", "") })
    return CouchHttp.layer({ url: "https://ada:opensesame@couch.example:8443/db/couch/", retry: "none" }).pipe(
      Layer.provide(Layer.succeed(Transport.Transport, transport((request) => between(request, pass))))
    )
  }))

const functions: DesignFunctions.DesignFunctions = {
  seen: { updates: { odd: () => [null, "1"] }, views: { byName: { map: (doc, emit) => emit(doc["name"], 1) } } }
}

const Butterfly = Schema.Struct({ name: Schema.String })
const zoo = Collection.make("zoo", Butterfly)
const kept = Collection.make("zoo", Butterfly, { lineage: Lineage.settings() })
const odd = Collection.make("zoo", Schema.Struct({ name: Schema.Number }))

const monarch = Document.create(zoo, "monarch", { name: "Monarch" })

const first = <A, E>(results: ReadonlyArray<Either.Either<A, E>>): Either.Either<A, E> =>
  results[0] as Either.Either<A, E>

type Fails = Effect.Effect<unknown, unknown, CouchHttp.CouchHttp>

interface Case {
  readonly title: string
  readonly fails: Fails
  /** Answers a request without the server. */
  readonly instead?: (request: Transport.TransportRequest) => Transport.BufferedResponse | undefined
  /** What happens to responses on the way back. */
  readonly change?: (
    request: Transport.TransportRequest,
    response: Transport.BufferedResponse
  ) => Transport.BufferedResponse
}

const deployed = DesignDocument.deploy(
  "zoo",
  DesignDocument.make("seen", {
    updates: { odd: "function () { return [null, '1'] }" },
    views: { byName: { map: "function (doc) { emit(doc.name, 1) }" } }
  })
)

/** The text of a response, changed where the request has this path. */
const rewritten =
  (path: RegExp, change: (text: string) => string): NonNullable<Case["change"]> => (request, response) =>
    path.test(request.path) && response.status < 300
      ? { ...response, body: change(Transport.text(response)) }
      : response

const shortened = (path: RegExp) => rewritten(path, (text) => text.slice(0, -5))

const file = { bytes: "0123456789", contentType: "application/octet-stream" }

/** Each fails where an operation finds out by itself what is wrong, rather than by a status. */
const cases: ReadonlyArray<Case> = [
  { title: "a document that does not decode", fails: Effect.zipRight(monarch, Document.fetch(odd, "monarch")) },
  {
    title: "a document of a bulk read that does not decode",
    fails: Effect.zipRight(monarch, Effect.flatMap(Bulk.fetch(odd, ["monarch"]), first))
  },
  {
    title: "a document in a feed that does not decode",
    fails: Effect.zipRight(monarch, Stream.runDrain(Changes.stream(odd)))
  },
  {
    title: "a document of a query that does not decode",
    fails: Effect.zipRight(monarch, Mango.find(odd, { selector: {} }))
  },
  {
    title: "fields of a query that do not decode",
    fails: Effect.zipRight(monarch, Mango.find(odd, { selector: {}, fields: ["name"] }))
  },
  {
    title: "a row of a view that does not decode",
    fails: Effect.all([
      monarch,
      deployed,
      Stream.runDrain(View.stream("zoo", View.make({ design: "seen", view: "byName", value: Schema.String })))
    ])
  },
  {
    title: "a local document that does not decode",
    fails: Effect.zipRight(LocalDocument.save(zoo, "l", { name: "L" }), LocalDocument.fetch(odd, "l"))
  },
  {
    title: "the answer of a function that does not decode",
    fails: Effect.zipRight(
      deployed,
      Functions.update("zoo", Functions.make({ design: "seen", name: "odd", output: Schema.String }), undefined)
    )
  },
  {
    title: "a deleted revision",
    fails: Effect.flatMap(
      Effect.flatMap(monarch, Document.delete),
      ({ rev }) => Document.fetch(zoo, "monarch", { rev })
    )
  },
  {
    title: "a conflict after several attempts",
    fails: Effect.flatMap(monarch, (old) => {
      const policy = Conflict.fail.pipe(Conflict.retry(Schedule.recurs(2)))
      return Effect.zipRight(
        Document.save(Document.modify(old, () => ({ name: "M" }))),
        Document.save(Document.modify(old, () => ({ name: "N" }))).pipe(
          Effect.catchTag("ConflictError", (error) => policy(error))
        )
      )
    })
  },
  {
    title: "siblings of a document that does not exist",
    fails: Conflict.resolve(zoo, "none", Merge.make(Butterfly))
  },
  { title: "tombstones of a document that does not exist", fails: Lineage.mergedVersions(kept, "none") },
  {
    title: "a batch with a document that does not exist",
    fails: Effect.provide(
      Effect.all([Document.fetch(zoo, "a"), Document.fetch(zoo, "b")], { concurrency: "unbounded" }),
      Batching.layer()
    )
  },
  {
    title: "a document whose revision is not one",
    fails: Effect.zipRight(monarch, Document.fetch(zoo, "monarch")),
    change: rewritten(/\/zoo\/monarch$/, (text) => text.replace(/"_rev":"[^"]*"/, "\"_rev\":\"?\""))
  },
  {
    title: "a copy whose revision is not one",
    fails: Effect.flatMap(monarch, Document.copy("peacock")),
    change: (request, response) =>
      request.method === "COPY"
        ? { ...response, body: JSON.stringify({ ok: true, id: "peacock", rev: "?" }) }
        : response
  },
  {
    title: "an attachment whose bytes are not those that were stored",
    fails: Effect.flatMap(
      Effect.flatMap(monarch, (doc) => Attachment.put(doc, "a.bin", file)),
      (doc) => Stream.runDrain(Attachment.get(doc, "a.bin"))
    ),
    change: (request, response) =>
      request.method === "GET" && request.path.includes("a.bin") ? { ...response, body: "9876543210" } : response
  },
  {
    title: "an attachment that ends too early",
    fails: Effect.flatMap(
      Effect.flatMap(monarch, (doc) => Attachment.put(doc, "a.bin", file)),
      (doc) => Stream.runDrain(Attachment.get(doc, "a.bin"))
    ),
    change: (request, response) =>
      request.method === "GET" && request.path.includes("a.bin") ? { ...response, body: "01234" } : response
  },
  {
    title: "an attachment that the server stored differently",
    fails: Effect.flatMap(monarch, (doc) => Attachment.put(doc, "a.bin", file)),
    change: rewritten(/att_encoding_info/, (text) => text.replace("\"length\":10", "\"length\":9"))
  },
  {
    title: "rows that end too early",
    fails: Effect.zipRight(monarch, Stream.runDrain(View.stream("zoo", View.allDocs))),
    change: shortened(/_all_docs/)
  },
  {
    title: "a row that is not one",
    fails: Effect.zipRight(monarch, Stream.runDrain(View.stream("zoo", View.allDocs))),
    change: rewritten(/_all_docs/, (text) => text.replace("\"id\":\"monarch\",", ""))
  },
  {
    title: "a row of a page that is not one",
    fails: Effect.zipRight(monarch, View.fetch("zoo", View.allDocs)),
    change: rewritten(/_all_docs/, (text) => text.replace("\"id\":\"monarch\",", ""))
  },
  {
    title: "a change that is not one",
    fails: Effect.zipRight(monarch, Stream.runDrain(Changes.stream("zoo"))),
    change: rewritten(/_changes/, (text) => text.replace("\"id\":\"monarch\",", ""))
  },
  {
    title: "a continuous feed that ends too early",
    fails: Effect.zipRight(monarch, Stream.runDrain(Changes.continuous("zoo"))),
    instead: (request) => request.path.includes("feed=continuous") ? makeResponse(200, "\n") : undefined
  },
  {
    title: "a login that begins no session",
    fails: CouchHttp.withAuth(Database.info("zoo"), Auth.session("ada", Redacted.make("opensesame"))),
    change: (request, response) =>
      request.path.endsWith("/_session") ? makeResponse(200, { ok: false }, response.headers) : response
  },
  { title: "an endpoint that does not exist", fails: Replication.status("none") }
]

it.effect.each(cases)(
  "$title: the message names the server, and no credentials",
  ({ change, fails, instead }) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Effect.zipRight(Database.create("zoo"), fails)).pipe(
        Effect.provide(behind((request, pass) => {
          const response = instead?.(request)
          return response === undefined
            ? Effect.map(pass(request), (response) => change?.(request, response) ?? response)
            : Effect.succeed(response)
        }))
      )
      const { message } = error as { readonly message: string }
      assert.include(message, base)
      assert.notInclude(message + inspect(error, { depth: 9 }) + JSON.stringify(error), "opensesame")
    })
)
