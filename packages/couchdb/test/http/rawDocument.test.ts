import { assert, it } from "@effect/vitest"
import { Json } from "effect-couchdb"
import * as Option from "effect/Option"
import { readDocument } from "../../src/http/rawDocument.js"

const filler = "xy".repeat(600)
const withBody = (body: string): string =>
  `{"_id":"a","_rev":"1-967a00dff5e02add41819138abb3284d","filler":"${filler}",${body}}\n`

it("what JSON.parse would lose is kept in a long text as in a short one", () => {
  for (
    const body of [
      "\"n\":12345678901234567890",
      "\"n\":1.0",
      "\"n\":1e3",
      "\"n\":-0",
      "\"s\":\"\\u00e9\"",
      "\"s\":\"\\/\"",
      "\"b\":1,\"10\":2",
      "\"10\":1,\"9\":2",
      "\"deep\":[{\"b\":1,\"__proto__\":2}]",
      "\"plain\":[1,2.5,\"ü\",null,true]"
    ]
  ) {
    const raw = Option.getOrThrow(readDocument(withBody(body)))
    const short = Option.getOrThrow(readDocument(withBody(body).replace(`"filler":"${filler}",`, "")))
    const bodyOf = (json: Json.Json): string => Json.stringify(json).replace(`"filler":"${filler}",`, "")
    assert.strictEqual(bodyOf(raw.raw), bodyOf(short.raw), body)
  }
})
