import * as Data from "effect/Data"
import * as Either from "effect/Either"
import { parseArgs } from "node:util"

export const usage = `effect-couchdb-embedded [options]

Runs an embedded CouchDB on this machine, for development and tests only, never for production.

  --port PORT            listen on this port of 127.0.0.1. Default: 5984. 0 picks a free port
  --data DIR             store the data in this directory. By default, they are in memory and lost on exit
  --admin NAME:PASSWORD  the administrator. With NAME only, the password comes from COUCHDB_PASSWORD, which the
                         process list does not show. Without a password, one is generated and printed
  --cors ORIGIN          allow requests from pages of this origin, such as http://localhost:5173. Repeatable
  --q SHARDS             the default number of shards of a database. Default: 2
  --seed NUMBER          the seed of ids, sequences and cookies. Random by default
  --javascript           run the JavaScript of design documents. It is NOT sandboxed: it can do whatever you can.
                         Use it for your own design documents only
  --help                 print this help
  --version              print the version
`

/** A parsed command line. */
export type Command = Data.TaggedEnum<{
  Help: {}
  Version: {}
  Run: {
    readonly port: number
    readonly directory: string | undefined
    readonly username: string
    /** `undefined` to generate one. */
    readonly password: string | undefined
    readonly cors: ReadonlyArray<string>
    readonly q: number
    readonly seed: number | undefined
    readonly javascript: boolean
  }
}>

export const Command = Data.taggedEnum<Command>()

const integerBetween = (name: string, text: string, min: number, max: number): Either.Either<number, string> =>
  /^\d{1,10}$/.test(text) && Number(text) >= min && Number(text) <= max
    ? Either.right(Number(text))
    : Either.left(`--${name} takes a number from ${min} to ${max}, not ${JSON.stringify(text)}`)

const originOf = (text: string): Either.Either<string, string> =>
  URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && new URL(text).origin === text
    ? Either.right(text)
    : Either.left(`--cors takes one origin, such as http://localhost:5173, not ${JSON.stringify(text)}`)

// No error message repeats this argument, because it contains a password.
const adminOf = (text: string): Either.Either<readonly [string, string | undefined], string> => {
  const colon = text.indexOf(":")
  const name = colon < 0 ? text : text.slice(0, colon)
  const password = colon < 0 ? undefined : text.slice(colon + 1)
  return name === "" || password === "" || /\p{Cc}/u.test(text)
    ? Either.left("--admin takes NAME:PASSWORD, or NAME")
    : Either.right([name, password])
}

const read = (args: ReadonlyArray<string>) =>
  Either.flatMap(readAll(args), ({ positionals, values }) =>
    // The message does not repeat the argument, because it may be a password.
    positionals.length === 0 ? Either.right(values) : Either.left("unexpected argument: all arguments are options"))

const readAll = (args: ReadonlyArray<string>) =>
  Either.try({
    try: () =>
      parseArgs({
        args: Array.from(args),
        allowPositionals: true,
        options: {
          port: { type: "string", default: "5984" },
          data: { type: "string" },
          admin: { type: "string", default: "admin" },
          cors: { type: "string", multiple: true, default: [] },
          q: { type: "string", default: "2" },
          seed: { type: "string" },
          javascript: { type: "boolean", default: false },
          help: { type: "boolean", default: false, short: "h" },
          version: { type: "boolean", default: false }
        }
      }),
    catch: (error) => error instanceof Error ? error.message : String(error)
  })

/** Parses the command line, or reports what is wrong with it. */
export const parse = (
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string | undefined>>
): Either.Either<Command, string> =>
  Either.gen(function*() {
    const values = yield* read(args)
    if (values.help) return Command.Help()
    if (values.version) return Command.Version()
    const [username, given] = yield* adminOf(values.admin)
    if (values.data === "") return yield* Either.left("--data takes a directory")
    const password = given ?? env["COUCHDB_PASSWORD"]
    return Command.Run({
      port: yield* integerBetween("port", values.port, 0, 65_535),
      directory: values.data,
      username,
      password: password === "" ? undefined : password,
      cors: yield* Either.all(values.cors.map(originOf)),
      q: yield* integerBetween("q", values.q, 1, 256),
      seed: values.seed === undefined ? undefined : yield* integerBetween("seed", values.seed, 0, 0xffffffff),
      javascript: values.javascript
    })
  })
