import { assert } from "@effect/vitest"
import { Json, Revision, Transport } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"
import { jsonObject, numberText } from "../arbitraries.js"
import { type Contract, database, raw } from "./suite.js"

/** What a bulk write answers, row by row. */
const bulk = (name: string, docs: ReadonlyArray<string>) =>
  Effect.map(
    raw("POST", `/${name}/_bulk_docs`, `{"docs":[${docs.join(",")}]}`),
    (response) => JSON.parse(Transport.text(response)) as ReadonlyArray<{ readonly id: string; readonly rev: string }>
  )

const withMembers = (body: Json.JsonObject, members: Readonly<Record<string, Json.Json>>): string =>
  Json.stringify(Json.fromEntries([...Object.entries(members), ...Json.entries(body)]))

/** Numbers of which CouchDB's JSON reader does not make the nearest double, and their neighbours. */
const awkward = [
  "55257170481873407301214375006E-23",
  "5e-324",
  "-5e-324",
  "4.9e-324",
  "1e-310",
  "12e-311",
  "2.2250738585072014e-308",
  "22250738585072014e-324",
  "22250738585072012e-324",
  "22250738585072011e-324",
  "1e-400",
  "-0.0",
  "-0",
  "-0e0",
  "-0e00000000000000000000000000000005",
  "1e23",
  "10000000000000000000000000000000e23",
  "10000000000000000000000000000000e210",
  "18446744073709551617000000000001e-5",
  "123456789012345678901234567890",
  "0e400"
]

export const revisions: Contract = (it) => {
  it.scoped("the revision of 500 documents, their edits and their deletions is known before they are written", () =>
    Effect.gen(function*() {
      const name = yield* database
      const bodies = FastCheck.sample(jsonObject, { numRuns: 1000, seed: 20261123 })
      const created = bodies.slice(0, 500)
      const edited = bodies.slice(500)
      const first = yield* bulk(name, created.map((body, i) => withMembers(body, { _id: `doc-${i}` })))
      const firstRevs = first.map(({ rev }) => Revision.decode(rev))
      first.forEach(({ rev }, i) => {
        const body = created[i] as Json.JsonObject
        assert.strictEqual(
          Option.getOrNull(Revision.predict({ parent: Option.none(), body })),
          rev,
          Json.stringify(body)
        )
      })
      const second = yield* bulk(
        name,
        edited.map((body, i) => withMembers(body, { _id: `doc-${i}`, _rev: first[i]?.rev ?? "" }))
      )
      second.forEach(({ rev }, i) => {
        const body = edited[i] as Json.JsonObject
        const parent = firstRevs[i] as Option.Option<Revision.Revision>
        assert.strictEqual(Option.getOrNull(Revision.predict({ parent, body })), rev, Json.stringify(body))
      })
      const third = yield* bulk(
        name,
        second.map(({ rev }, i) => withMembers({}, { _id: `doc-${i}`, _rev: rev, _deleted: true }))
      )
      third.forEach(({ rev }, i) => {
        const parent = Revision.decode(second[i]?.rev ?? "")
        assert.strictEqual(Option.getOrNull(Revision.predict({ parent, body: {}, deleted: true })), rev)
      })
    }))

  it.scoped("the revision of numbers that round in a way of their own is known before they are written", () =>
    Effect.gen(function*() {
      const name = yield* database
      const sampled = FastCheck.sample(numberText, { numRuns: 1000, seed: 20261130 })
      const texts = [...new Set([...awkward, ...sampled])].filter((text) => Either.isRight(Json.parse(text)))
      const answers = yield* bulk(name, texts.map((text, i) => `{"_id":"n-${i}","n":${text}}`))
      answers.forEach(({ rev }, i) => {
        const text = texts[i] as string
        const predicted = Revision.predict({ parent: Option.none(), body: `{"n":${text}}` })
        assert.strictEqual(Option.getOrNull(predicted), rev, text)
      })
      for (
        const text of ["1e400", "9e308", "1000000000000000000000000000000000e280", "0e0000000000000000000000000000400"]
      ) {
        const refused = yield* Effect.flip(raw("POST", `/${name}`, `{"n":${text}}`))
        assert.strictEqual(refused._tag, "BadRequestError", text)
        assert.isTrue(Option.isNone(Revision.predict({ parent: Option.none(), body: `{"n":${text}}` })), text)
      }
    }))

  it.scoped("attachment stubs are part of the revision", () =>
    Effect.gen(function*() {
      const name = yield* database
      const data = { content_type: "application/octet-stream", data: "AAEC" }
      yield* raw("PUT", `/${name}/x`, { n: 1, _attachments: { "b.bin": data, "a.bin": { ...data, data: "AAED" } } })
      const text = Transport.text(yield* raw("GET", `/${name}/x`))
      const doc = JSON.parse(text) as {
        readonly _rev: string
        readonly _attachments: Readonly<Record<string, { readonly content_type: string; readonly digest: string }>>
      }
      const written = yield* raw("PUT", `/${name}/x`, { _rev: doc._rev, n: 2, _attachments: doc._attachments })
      const predicted = Revision.predict({
        parent: Revision.decode(doc._rev),
        body: { n: 2 },
        attachments: Object.entries(doc._attachments).map(([name, stub]) => ({
          name,
          contentType: stub.content_type,
          digest: stub.digest
        }))
      })
      assert.include(Transport.text(written), Option.getOrThrow(predicted))
    }))
}
