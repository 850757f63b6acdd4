import { describe, expect, it } from "@effect/vitest"
import * as Json from "effect-couchdb/Json"
import * as Revision from "effect-couchdb/Revision"
import * as Effect from "effect/Effect"
import * as Arbitrary from "effect/FastCheck"
import * as Option from "effect/Option"
import { fresh } from "../client.js"

const digits = Arbitrary.oneof(
  Arbitrary.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  Arbitrary.bigInt({ min: -(2n ** 80n), max: 2n ** 80n }).map(String),
  Arbitrary.constantFrom("1.0", "1e2", "1E-2", "-0", "-0.0", "1.50", "100000000000000000000")
)

const value: Arbitrary.Arbitrary<Json.Json> = Arbitrary.letrec<{ json: Json.Json }>((tie) => ({
  json: Arbitrary.oneof(
    { depthSize: "small" },
    Arbitrary.constantFrom(null, true, false),
    Arbitrary.fullUnicodeString({ maxLength: 8 }),
    digits.map((text) => new Json.RawNumber(text)),
    Arbitrary.array(Arbitrary.integer({ min: 0, max: 255 }), { maxLength: 4 }),
    Arbitrary.array(tie("json"), { maxLength: 4 }),
    Arbitrary.array(Arbitrary.tuple(Arbitrary.fullUnicodeString({ maxLength: 4 }), tie("json")), { maxLength: 4 })
      .map(Json.fromEntries)
  )
})).json

const body = Arbitrary.array(
  Arbitrary.tuple(Arbitrary.oneof(Arbitrary.constantFrom("a", "10", "9"), Arbitrary.string({ maxLength: 4 })), value),
  { maxLength: 5 }
).map((members) => Json.fromEntries(members.filter(([key]) => !key.startsWith("_"))))

const revOf = (json: unknown): Option.Option<Revision.Revision> =>
  typeof json === "object" && json !== null && "rev" in json && typeof json.rev === "string"
    ? Revision.decode(json.rev)
    : Option.none()

describe("Revision.predict", () => {
  it.effect("predicts the engine's revisions of 500 documents and their next two revisions", () =>
    Effect.gen(function*() {
      const send = yield* fresh()
      const samples = Arbitrary.sample(Arbitrary.tuple(body, body), { numRuns: 500, seed: 3 })
      for (const [i, [first, second]] of samples.entries()) {
        const path = `/db/doc${i}`
        const created = revOf((yield* send("PUT", path, { body: Json.stringify(first) })).json)
        expect(created).toEqual(Revision.predict({ parent: Option.none(), body: first }))
        const query = `?rev=${Option.getOrElse(created, () => "")}`
        const updated = revOf((yield* send("PUT", path + query, { body: Json.stringify(second) })).json)
        expect(updated).toEqual(Revision.predict({ parent: created, body: second }))
        const removed = yield* send("DELETE", `${path}?rev=${Option.getOrElse(updated, () => "")}`)
        expect(revOf(removed.json)).toEqual(Revision.predict({ parent: updated, body: {}, deleted: true }))
      }
    }))
})
