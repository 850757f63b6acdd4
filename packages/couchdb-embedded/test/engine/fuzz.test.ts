import { describe, expect, it } from "@effect/vitest"
import * as Transport from "effect-couchdb/Transport"
import * as Effect from "effect/Effect"
import { seeds } from "../../../couchdb/test/support/deep.js"
import * as RandomSource from "../../src/encoding/random.js"
import * as EmbeddedCouch from "../../src/engine/EmbeddedCouch.js"
import * as JavaScript from "../../src/functions/JavaScript.js"
import { client } from "../client.js"
import { mutate } from "../fileStore/mistakes.js"
import type { Request } from "../fileStore/requests.js"
import * as Requests from "../fileStore/requests.js"

// Such a feed never ends here.
const feedWithoutEnd = /feed=(continuous|eventsource|longpoll)/

const show = ({ body, headers, method, path }: Request): string =>
  `${method} ${path} ${JSON.stringify(headers)} ${typeof body === "string" ? body.slice(0, 300) : body?.length}`

describe("invalid requests", () => {
  for (const seed of seeds(2, 50)) {
    it.effect(`are each answered as an HTTP server answers, seed ${seed}`, () =>
      Effect.gen(function*() {
        const random = RandomSource.make(seed)
        const couch = yield* EmbeddedCouch.make({ seed, interpreter: JavaScript.make() })
        const { learn, next } = Requests.make(random, "db")
        const send = client(couch)
        for (let i = 0; i < 1_000; i++) {
          if (i % 50 === 0) yield* send("PUT", "/db")
          const request = random.below(4) === 0 ? next() : mutate(random, next())
          if (feedWithoutEnd.test(request.path)) continue
          const { method, path, ...rest } = request
          const reply = yield* couch.handler({ method, path, origin: "http://embedded", headers: {}, ...rest })
          const text = Transport.text(reply)
          const what = `${show(request)}: ${reply.status} ${text.slice(0, 200)}`
          expect(Number.isInteger(reply.status) && reply.status >= 200 && reply.status < 600, what).toBe(true)
          expect(text, what).not.toMatch(/RangeError|TypeError|ReferenceError|SyntaxError|Error: |\[object /)
          if (reply.status >= 400 && method !== "HEAD") {
            expect(JSON.parse(text), what).toMatchObject({ error: expect.any(String) })
            expect(JSON.parse(text), what).toHaveProperty("reason")
          }
          if (method === "HEAD" || reply.status === 304) expect(text, what).toBe("")
          else if ("content-length" in reply.headers) {
            expect(reply.headers["content-length"], what).toBe(String(Transport.bytes(reply).length))
          }
          learn(text)
        }
        yield* send("DELETE", "/honest")
        yield* send("PUT", "/honest")
        expect((yield* send("PUT", "/honest/x", { body: { v: 1 } })).status).toBe(201)
        expect((yield* send("GET", "/honest/x")).json).toMatchObject({ v: 1 })
      }))
  }
})
