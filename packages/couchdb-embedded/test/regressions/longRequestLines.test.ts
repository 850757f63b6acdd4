import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { fresh } from "../client.js"

describe("a request line", () => {
  it.effect("of 8192 bytes is read, and a longer one gets the response of CouchDB's HTTP server", () =>
    Effect.gen(function*() {
      const send = yield* fresh()
      for (const method of ["GET", "PUT", "DELETE"] as const) {
        const path = `/db/${"x".repeat(8_192 - `${method} /db/ HTTP/1.1\r\n`.length)}`
        expect((yield* send(method, path, { body: {} })).status).not.toBe(400)
        const longer = yield* send(method, `${path}x`, { body: {} })
        expect([longer.status, longer.text]).toEqual([400, ""])
      }
      const destination = "d".repeat(8_191 - "destination: \r\n".length)
      yield* send("PUT", "/db/x", { body: {} })
      expect((yield* send("COPY", "/db/x", { headers: { destination } })).status).toBe(201)
      expect((yield* send("COPY", "/db/x", { headers: { destination: `${destination}d` } })).status).toBe(400)
    }))
})
