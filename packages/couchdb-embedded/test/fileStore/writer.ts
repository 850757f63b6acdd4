/** Writes to a directory without end, and prints acknowledged writes until it is killed. */
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as EmbeddedCouch from "../../src/engine/EmbeddedCouch.js"
import * as FileStore from "../../src/fileStore/FileStore.js"
import { client } from "../client.js"

const [directory = "", life = ""] = process.argv.slice(2)

const program = Effect.scoped(Effect.gen(function*() {
  const store = yield* FileStore.make({ directory, compactAbove: 50_000 })
  const send = client(yield* EmbeddedCouch.make({ store }))
  yield* send("PUT", "/db")
  const write = (writer: number) =>
    Effect.gen(function*() {
      for (let i = 0;; i++) {
        const id = `${life}-${writer}-${i}`
        const body = { text: "x".repeat((i * 37) % 900), _attachments: { a: { data: btoa(id), content_type: "a/b" } } }
        const saved = yield* send("PUT", `/db/${id}`, { body })
        yield* send("PUT", `/db/_local/${writer}`, { body: { id, text: "y".repeat(500) } })
        if (i % 40 === 39) yield* send("POST", "/db/_compact", { body: {} })
        if (saved.status === 201) Fs.writeSync(1, `${id} ${JSON.parse(saved.text).rev}\n`)
      }
    })
  yield* Effect.forEach([0, 1, 2, 3, 4, 5, 6, 7], write, { concurrency: "unbounded" })
}))

await Effect.runPromise(program)
