import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as EmbeddedCouch from "../../src/engine/EmbeddedCouch.js"
import { client } from "../client.js"

/** Concurrent requests, and all their responses. */
const history = (seed: number) =>
  Effect.gen(function*() {
    const send = client(yield* EmbeddedCouch.make({ seed, q: 4 }))
    yield* send("PUT", "/db")
    const racing = yield* Effect.forEach(
      Array.from({ length: 40 }, (_, i) => i),
      (i) => send("POST", "/db", { body: { i } }),
      { concurrency: "unbounded" }
    )
    const rivals = yield* Effect.forEach(
      Array.from({ length: 8 }, (_, i) => i),
      (i) => send("PUT", "/db/rival", { body: { i } }),
      { concurrency: "unbounded" }
    )
    const changes = yield* send("GET", "/db/_changes?include_docs=true")
    return [...racing, ...rivals, changes].map(({ headers, status, text }) => ({ headers, status, text }))
  })

describe("EmbeddedCouch", () => {
  it.effect("gives the same responses for the same seed and requests", () =>
    Effect.gen(function*() {
      expect(yield* history(5)).toEqual(yield* history(5))
    }))

  it.effect("gives other ids and sequences for another seed", () =>
    Effect.gen(function*() {
      expect(yield* history(5)).not.toEqual(yield* history(6))
    }))

  it.effect("lets requests race, with another winner for another seed", () =>
    Effect.gen(function*() {
      const winners = new Set<string>()
      for (let seed = 0; seed < 30; seed++) {
        const replies = (yield* history(seed)).slice(40, 48)
        expect(replies.filter(({ status }) => status === 201)).toHaveLength(1)
        winners.add(String(replies.findIndex(({ status }) => status === 201)))
      }
      expect(winners.size).toBeGreaterThan(1)
    }))

  it.effect("gives sequences that are not in the order of the writes", () =>
    Effect.gen(function*() {
      const orders = new Set<string>()
      for (let seed = 0; seed < 5; seed++) {
        const send = client(yield* EmbeddedCouch.make({ seed }))
        yield* send("PUT", "/db")
        for (const id of ["a", "b", "c", "d", "e", "f"]) yield* send("PUT", `/db/${id}`, { body: {} })
        const ids = Array.from((yield* send("GET", "/db/_changes")).text.matchAll(/"id":"(\w)"/g), ([, id]) => id)
        expect(Array.from(ids).sort()).toEqual(["a", "b", "c", "d", "e", "f"])
        orders.add(ids.join(""))
      }
      expect(orders.size).toBeGreaterThan(1)
    }))
})
