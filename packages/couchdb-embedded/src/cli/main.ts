import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import { randomBytes, randomInt } from "node:crypto"
import * as FileStore from "../fileStore/FileStore.js"
import * as JavaScript from "../functions/JavaScript.js"
import * as Serve from "../httpServer/Serve.js"
import type { Command } from "./options.js"
import { Command as Commands, parse, usage } from "./options.js"
import { version } from "./version.js"

type Run = Extract<Command, { readonly _tag: "Run" }>

const isAddressInUse = (cause: unknown): boolean =>
  typeof cause === "object" && cause !== null && "code" in cause && cause.code === "EADDRINUSE"

const serve = (run: Run) =>
  Effect.gen(function*() {
    const password = run.password ?? (yield* Effect.sync(() => randomBytes(12).toString("base64url")))
    const store = run.directory === undefined ? undefined : yield* FileStore.make({ directory: run.directory })
    const { url } = yield* Serve.serve({
      store,
      quiet: true,
      port: run.port,
      cors: run.cors,
      q: run.q,
      seed: run.seed ?? (yield* Effect.sync(() => randomInt(0x100000000))),
      admin: { username: run.username, password: Redacted.make(password) },
      interpreter: run.javascript ? JavaScript.make() : undefined
    })
    yield* Console.log(`embedded CouchDB at ${url}, for development and tests only, never for production`)
    yield* Console.log(store === undefined ? "in memory: the data are lost on exit" : `data in ${store.place}`)
    if (run.javascript) {
      yield* Console.log(
        "--javascript runs the code of design documents, not in a sandbox: use trusted design documents only"
      )
    }
    yield* Console.log(
      run.password === undefined
        ? `administrator ${run.username} with the generated password ${password}`
        : `administrator ${run.username}`
    )
    return yield* Effect.never
  }).pipe(Effect.scoped)

const fail = (message: string, code: number): Effect.Effect<number> =>
  Effect.as(Console.error(`effect-couchdb-embedded: ${message}`), code)

const execute = (command: Command): Effect.Effect<number> =>
  Commands.$match(command, {
    Help: () => Effect.as(Console.log(usage.trimEnd()), 0),
    Version: () => Effect.as(Console.log(version), 0),
    Run: (run) =>
      serve(run).pipe(
        Effect.catchTags({
          FileStoreError: (error) => fail(error.message, 1),
          ServeError: (error) =>
            fail(
              isAddressInUse(error.cause)
                ? `port ${error.port} of 127.0.0.1 is in use. Use another --port, or 0 to pick a free one`
                : error.message,
              1
            )
        }),
        Effect.onInterrupt(() => Console.log("stopped"))
      )
  })

/** Runs a command line until it ends or is interrupted. Returns the exit code. */
export const main = (
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string | undefined>>
): Effect.Effect<number> =>
  Either.match(parse(args, env), {
    onLeft: (problem) => fail(`${problem}\nTry --help.`, 2),
    onRight: execute
  }).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, Logger.withConsoleError(Logger.logfmtLogger))))
