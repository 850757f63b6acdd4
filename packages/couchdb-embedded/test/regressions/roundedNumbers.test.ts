import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { fresh } from "../client.js"

/** Sent numbers, and how CouchDB 3.5.0 prints them. */
const shown = [
  ["55257170481873407301214375006E-23", "552571.704818734"],
  ["5e-324", "0.0"],
  ["5.0e-324", "5e-324"],
  ["12e-311", "1.19999999999994e-310"],
  ["1e-310", "1e-310"],
  ["22250738585072012e-324", "0.0"],
  ["22250738585072014e-324", "2.2250738585072014e-308"],
  ["10000000000000000000000000000000e23", "1e+54"],
  ["1e23", "1e+23"],
  ["-0e00000000000000000000000000000005", "0.0"]
] as const

describe("a number with an exponent", () => {
  it.effect("is printed as CouchDB stores it", () =>
    Effect.gen(function*() {
      const send = yield* fresh()
      for (const [i, [sent, seen]] of shown.entries()) {
        expect((yield* send("PUT", `/db/n${i}`, { body: `{"v":[{"n":${sent}}]}` })).status).toBe(201)
        expect((yield* send("GET", `/db/n${i}`)).text).toContain(`"v":[{"n":${seen}}]}`)
      }
      expect((yield* send("PUT", "/db/large", { body: `{"v":0e0000000000000000000000000000400}` })).status).toBe(400)
    }))
})
