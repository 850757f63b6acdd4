import { assert, describe, it } from "@effect/vitest"
import { Database, Json, Revision, Transport } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { numberText } from "../arbitraries.js"
import { raw } from "../contract/suite.js"
import { interceptedClient } from "../support/transport.js"

/** What CouchDB 3.5.0 reads: the eight bytes of a double. */
const read: ReadonlyArray<readonly [text: string, double: string]> = [
  ["55257170481873407301214375006E-23", "4120dcf768de0048"],
  ["5e-324", "0000000000000000"],
  ["-5e-324", "8000000000000000"],
  ["2.2250738585072014e-308", "0010000000000000"],
  ["22250738585072014e-324", "0010000000000000"],
  ["22250738585072012e-324", "0000000000000000"],
  ["22250738585072011e-324", "0000000000000000"],
  ["-22250738585072012e-324", "8000000000000000"],
  ["1e-310", "000012688b70e62b"],
  ["12e-311", "000016170dbaadcc"],
  ["123456789e-320", "0000003a2dcd6e08"],
  ["4.9e-324", "0000000000000001"],
  ["2.4e-324", "0000000000000000"],
  ["3e-324", "0000000000000000"],
  ["1e-400", "0000000000000000"],
  ["-1e-400", "8000000000000000"],
  ["1.0e-400", "0000000000000000"],
  ["-0.0", "8000000000000000"],
  ["-0e0", "8000000000000000"],
  ["-0e00000000000000000000000000000005", "0000000000000000"],
  ["1e00000000000000000000000000000000000005", "40f86a0000000000"],
  ["1e2", "4059000000000000"],
  ["1E+2", "4059000000000000"],
  ["1e23", "44b52d02c7e14af6"],
  ["10000000000000000000000000000000000e-11", "44b52d02c7e14af6"],
  ["10000000000000000000000000000000e23", "4b24e1878814c9ce"],
  ["10000000000000000000000000000000.0e23", "4b24e1878814c9ce"],
  ["10000000000000000000000000000000e210", "71f7fec216198ddc"],
  ["123456789012345678901234567890e3", "469858f9996fadf3"],
  ["123456789012345678901234567890e-30", "3fbf9add3746f660"],
  ["179769313486231570814527423731e279", "7fefffffffffffff"],
  ["99999999999999999999999999999999999999e-60", "3b5e392010175ee5"],
  ["18446744073709551617000000000001e-5", "456312d000000000"],
  ["27670116110564327423999999999999999999e0", "47b4d1120d7b1600"],
  ["1000000000000000000000000000000e-340", "0000000000000000"],
  ["9007199254740993000000000000000e-15", "4340000000000001"],
  ["12345678901234567890123456789e10", "47d7383a69580580"],
  ["1e400", "refused"],
  ["9e308", "refused"],
  ["1e309", "refused"],
  ["1000000000000000000000000000000000e280", "refused"],
  ["0e400", "0000000000000000"],
  ["0e0000000000000000000000000000400", "refused"]
]

const bytesOf = (value: number): string => {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  return view.getBigUint64(0).toString(16).padStart(16, "0")
}

describe("a number with an exponent", () => {
  for (const [text, double] of read) {
    it(`is the double that CouchDB makes of it: ${text}`, () => {
      const value = Json.toFloat(text)
      assert.strictEqual(Number.isFinite(value) ? bytesOf(value) : "refused", double)
      assert.strictEqual(Either.isLeft(Json.parse(text)), double === "refused")
    })
  }

  const engine = Effect.gen(function*() {
    const on = yield* interceptedClient()
    yield* Effect.provide(Database.create("zoo"), on.layer)
    return on.layer
  })

  it.effect.prop(
    "has the revision that is predicted, and is read as it was kept",
    [numberText],
    ([text]) =>
      Effect.gen(function*() {
        const layer = yield* engine
        const body = `{"n":${text}}`
        const predicted = Revision.predict({ parent: Option.none(), body })
        const answer = yield* Effect.either(Effect.provide(raw("PUT", "/zoo/a", body), layer))
        assert.strictEqual(Either.isRight(answer), Option.isSome(predicted), text)
        if (Either.isLeft(answer)) return
        const { rev } = JSON.parse(Transport.text(answer.right)) as { readonly rev: string }
        assert.strictEqual(Option.getOrNull(predicted), rev)
        const shown = Transport.text(yield* Effect.provide(raw("GET", "/zoo/a"), layer))
        const kept = /[.eE]/.test(text) ? Json.toFloat(text) : Number(text)
        assert.strictEqual((JSON.parse(shown) as { readonly n: number }).n + 0, kept + 0)
      })
  )
})
