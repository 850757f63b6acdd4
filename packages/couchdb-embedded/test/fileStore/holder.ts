/** Opens a directory at the first line of its input, prints the result, and holds it until the input ends. */
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as FileStore from "../../src/fileStore/FileStore.js"

const [directory = ""] = process.argv.slice(2)

const say = (line: unknown): Effect.Effect<void> =>
  Effect.sync(() => {
    Fs.writeSync(1, `${JSON.stringify(line)}\n`)
  })

const input = (event: "data" | "end") =>
  Effect.async<void>((resume) => {
    process.stdin.once(event, () => resume(Effect.void)).resume()
  })

const program = Effect.gen(function*() {
  const ended = yield* Effect.fork(input("end"))
  yield* Effect.yieldNow()
  yield* say("ready")
  yield* input("data")
  yield* Effect.scoped(Effect.zipRight(
    FileStore.make({ directory }),
    Effect.zipRight(say({ pid: process.pid }), ended.await)
  )).pipe(
    Effect.catchAll(({ message, reason }) => Effect.zipRight(say({ reason, message }), ended.await))
  )
})

await Effect.runPromise(program)
