/**
 * The server that the tour visits, and a count of what goes to it.
 */
import { Config, ConfigError, Data, Duration, Effect, Layer, Option, Ref, Schema } from "effect"
import { CouchHttp, Database, Transport } from "effect-couchdb"
import * as Serve from "effect-couchdb-embedded/Serve"
import { NodeCouchHttp } from "effect-couchdb-node"
import * as Terminal from "./terminal.js"

/** So long a call may take: longer, and a person would think that the tour hangs. */
const timeout = Duration.seconds(15)

/** Counts the requests, and those that met a conflict. It sits under the library, so it sees what is really sent. */
export class Traffic extends Effect.Service<Traffic>()("tour/Traffic", {
  effect: Effect.gen(function*() {
    const total = yield* Ref.make({ requests: 0, conflicts: 0 })

    const counted = (transport: Transport.Service): Transport.Service => ({
      ...transport,
      request: (request) =>
        Effect.tap(transport.request(request), ({ status }) =>
          Ref.update(total, ({ conflicts, requests }) => ({
            requests: requests + 1,
            conflicts: conflicts + (status === 409 ? 1 : 0)
          })))
    })

    /** The value of an effect, with what it took. */
    const measure = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
      Effect.gen(function*() {
        const before = yield* Ref.get(total)
        const [took, value] = yield* Effect.timed(effect)
        const after = yield* Ref.get(total)
        return {
          value,
          took,
          requests: after.requests - before.requests,
          conflicts: after.conflicts - before.conflicts
        }
      })

    return { counted, measure } as const
  })
}) {}

/** The URL that the environment names; an empty one names nothing. */
const named = Config.option(Config.nonEmptyString("COUCHDB_URL"))

/** The server of COUCHDB_URL, or an embedded one on a free port, reached over HTTP like any other. */
export const live = Layer.unwrapScoped(Effect.gen(function*() {
  const { counted } = yield* Traffic
  if (Option.isSome(yield* named)) {
    const options = Config.map(CouchHttp.config, (given) => ({ ...given, timeout, transformTransport: counted }))
    return NodeCouchHttp.layerConfig(options)
  }
  const { url } = yield* Serve.serve({ quiet: true })
  return NodeCouchHttp.layer({ url, timeout, transformTransport: counted })
})).pipe(Layer.provideMerge(Traffic.Default))

/** Something answers, but not as CouchDB does. */
class NotCouchDB extends Data.TaggedError("NotCouchDB")<{}> {
  override get message(): string {
    return "GET /: something answers there, but it does not say that it is CouchDB. Is COUCHDB_URL right?"
  }
}

const Welcome = Schema.parseJson(Schema.Struct({ couchdb: Schema.String, version: Schema.String }))

/** Says which server this is, before anything is asked of it. */
export const welcome = Effect.gen(function*() {
  const couch = yield* CouchHttp.CouchHttp
  const response = yield* couch.execute({ method: "GET", path: "/", route: "/" }).pipe(
    Effect.catchTag("NotFoundError", () => new NotCouchDB())
  )
  const { version } = yield* Effect.mapError(
    Schema.decodeUnknown(Welcome)(Transport.text(response)),
    () => new NotCouchDB()
  )
  const embedded = Option.isNone(yield* named)
  return embedded ? `an embedded CouchDB ${version}, over HTTP` : `the CouchDB ${version} of COUCHDB_URL`
})

/** A database of the tour's own, gone when the scope closes, however it closes. */
export const database = Effect.acquireRelease(
  Effect.sync(() => `tour-${globalThis.crypto.randomUUID().slice(0, 8)}`).pipe(
    Effect.tap((name) => Database.create(name))
  ),
  (name) =>
    Database.delete(name).pipe(
      Effect.matchEffect({
        onFailure: (error) => Terminal.complain(`The database ${name} is still there. ${error.message}`),
        onSuccess: () => Terminal.say(`The database ${name} is deleted.`)
      })
    )
)

/** Which server was meant, without its credentials. */
const meant = Config.map(CouchHttp.config, ({ url }) => {
  const { host, protocol } = new URL(url)
  return host === "" ? Option.none() : Option.some(`${protocol}//${host}`)
})

/** What went wrong, and what can be done about it: a paragraph each. */
export const complaint = (error: { readonly message: string } | ConfigError.ConfigError) =>
  Effect.gen(function*() {
    // What a ConfigError says repeats the value, and a URL may hold a password.
    const problem = ConfigError.isConfigError(error) ? "COUCHDB_URL is not a URL." : error.message
    const given = yield* Effect.orElseSucceed(named, Option.none)
    if (Option.isNone(given)) return [problem]
    const hint = Option.match(yield* Effect.orElseSucceed(meant, Option.none), {
      onNone: () => "COUCHDB_URL has to look like http://user:password@127.0.0.1:5984.",
      onSome: (url) => `COUCHDB_URL says ${url} here.`
    })
    return [problem, `${hint} Without COUCHDB_URL the tour starts a server of its own.`]
  })
