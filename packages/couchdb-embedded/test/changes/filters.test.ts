import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { fresh } from "../client.js"

interface Changes {
  readonly results: ReadonlyArray<{ readonly seq: string; readonly id: string }>
  readonly last_seq: string
  readonly pending: number
}

const documents = Effect.gen(function*() {
  const send = yield* fresh({ q: 1 })
  for (const id of ["a", "b", "c"]) yield* send("PUT", `/db/${id}`, { body: {} })
  const ask = (query: string, ids: ReadonlyArray<string>) =>
    Effect.map(
      send("POST", `/db/_changes?filter=_doc_ids${query}`, { body: { doc_ids: ids } }),
      ({ json }) => json as Changes
    )
  return { send, ask }
})

const told = ({ last_seq, pending, results }: Changes) => [
  results.map(({ id }) => id).join(""),
  Number(last_seq.split("-")[0]),
  pending
]

// The responses of CouchDB 3.5.0 to the same requests.
describe("_changes of named documents", () => {
  it.effect("are sent as often as they are named", () =>
    Effect.gen(function*() {
      const { ask } = yield* documents
      const ids = ["b", "a", "b", "zz", "a"]
      expect(told(yield* ask("", ids))).toEqual(["aabb", 3, -1])
      expect(told(yield* ask("&limit=2", ids))).toEqual(["aa", 1, 1])
      expect(told(yield* ask("&descending=true", ids))).toEqual(["bbaa", 1, -1])
      expect(told(yield* ask("&descending=true&limit=1", ids))).toEqual(["b", 2, 2])
    }))

  it.effect("leave last_seq unchanged if no change matches", () =>
    Effect.gen(function*() {
      const { ask, send } = yield* documents
      expect(told(yield* ask("&descending=true", ["zz"]))).toEqual(["", 3, 3])
      const { json } = yield* send("GET", "/db/_changes?filter=_design&descending=true")
      expect(told(json as Changes)).toEqual(["", 3, 3])
    }))

  it.effect("are compared one by one if there are many", () =>
    Effect.gen(function*() {
      const { ask } = yield* documents
      const many = ["b", "b", ...Array.from({ length: 100 }, (_, i) => `n${i}`)]
      expect(told(yield* ask("", many))).toEqual(["b", 3, 0])
    }))
})
