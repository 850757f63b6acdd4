/**
 * The server of the tour, and a count of the requests.
 */
import { Config, ConfigError, Data, Duration, Effect, Layer, Option, Ref, Schema } from "effect"
import { CouchHttp, Database, Transport } from "effect-couchdb"
import * as Serve from "effect-couchdb-embedded/Serve"
import { NodeCouchHttp } from "effect-couchdb-node"
import * as Terminal from "./terminal.js"

/** The timeout of a call. After a longer wait the tour would seem to hang. */
const timeout = Duration.seconds(15)

/** Counts requests and conflicts. It wraps the transport, so it counts the requests that are sent. */
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

    /** Runs an effect, and returns its value with the time and the numbers of requests and conflicts. */
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

/** The URL in the environment, unless it is empty. */
const named = Config.option(Config.nonEmptyString("COUCHDB_URL"))

/** The server of COUCHDB_URL, or an embedded one on a free port, over HTTP. */
export const live = Layer.unwrapScoped(Effect.gen(function*() {
  const { counted } = yield* Traffic
  if (Option.isSome(yield* named)) {
    const options = Config.map(CouchHttp.config, (given) => ({ ...given, timeout, transformTransport: counted }))
    return NodeCouchHttp.layerConfig(options)
  }
  const { url } = yield* Serve.serve({ quiet: true })
  return NodeCouchHttp.layer({ url, timeout, transformTransport: counted })
})).pipe(Layer.provideMerge(Traffic.Default))

/** The response does not identify CouchDB. */
class NotCouchDB extends Data.TaggedError("NotCouchDB")<{}> {
  override get message(): string {
    return "GET /: the response is not from CouchDB. Is COUCHDB_URL right?"
  }
}

const Welcome = Schema.parseJson(Schema.Struct({ couchdb: Schema.String, version: Schema.String }))

/** Describes the server, after checking that it is a CouchDB. */
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

/** A database of the tour. Closing the scope deletes it. */
export const database = Effect.acquireRelease(
  Effect.sync(() => `tour-${globalThis.crypto.randomUUID().slice(0, 8)}`).pipe(
    Effect.tap((name) => Database.create(name))
  ),
  (name) =>
    Database.delete(name).pipe(
      Effect.matchEffect({
        onFailure: (error) => Terminal.complain(`The database ${name} was not deleted. ${error.message}`),
        onSuccess: () => Terminal.say(`The database ${name} was deleted.`)
      })
    )
)

/** The configured server, without its credentials. */
const meant = Config.map(CouchHttp.config, ({ url }) => {
  const { host, protocol } = new URL(url)
  return host === "" ? Option.none() : Option.some(`${protocol}//${host}`)
})

/** The problem and a hint, one paragraph each. */
export const complaint = (error: { readonly message: string } | ConfigError.ConfigError) =>
  Effect.gen(function*() {
    // The message of a ConfigError repeats the value, and a URL may contain a password.
    const problem = ConfigError.isConfigError(error) ? "COUCHDB_URL is not a URL." : error.message
    const given = yield* Effect.orElseSucceed(named, Option.none)
    if (Option.isNone(given)) return [problem]
    const hint = Option.match(yield* Effect.orElseSucceed(meant, Option.none), {
      onNone: () => "COUCHDB_URL must look like http://user:password@127.0.0.1:5984.",
      onSome: (url) => `COUCHDB_URL is ${url}.`
    })
    return [problem, `${hint} Without COUCHDB_URL the tour starts an embedded server.`]
  })
