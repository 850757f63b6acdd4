import { it } from "@effect/vitest"
import { Auth, CouchHttp, Transport } from "effect-couchdb"
import { EmbeddedCouch } from "effect-couchdb-embedded"
import * as JavaScript from "effect-couchdb-embedded/JavaScript"
import * as Serve from "effect-couchdb-embedded/Serve"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import type { Scope } from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { fetchTransport } from "../contract/targets.js"
import { inProcess, type Middlebox, overHttp, type Rewrites } from "./middlebox.js"
import type { Fixture, Operation } from "./operations.js"

const admin = { username: "admin", password: Redacted.make("admin-password-4b7a") }
const interpreter = JavaScript.make({ timeout: "5 seconds" })

export type Timed = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  limit?: Duration.DurationInput
) => Effect.Effect<Exit.Exit<A, E>, never, R>

/**
 * A server, a client of it, and clients whose requests pass a middlebox.
 *
 * - `remote`: a database as the server itself reaches it
 * - `timed`: lets time pass until an effect is done, or for long enough to see that it does not end
 * - `admin`: the header of the server's administrator
 */
export interface TestServer {
  readonly clean: CouchHttp.Service
  readonly client: (auth: Auth.Auth) => Effect.Effect<CouchHttp.Service, never, Scope>
  readonly auth: Auth.Auth
  readonly middlebox: Middlebox
  readonly remote: Fixture["remote"]
  readonly timed: Timed
}

/**
 * A kind of world, and the operations that can be tried in it. `overFetch` says that `fetch` sends the requests: it sends one
 * again by itself after a 421, which promises that nothing was carried out.
 */
export interface Environment {
  readonly name: string
  readonly overFetch: boolean
  readonly has: (operation: Operation) => boolean
  readonly make: (rewrites?: (admin: string) => Rewrites) => Effect.Effect<TestServer, unknown, Scope>
  readonly it: (name: string, test: () => Effect.Effect<void, unknown, Scope>) => void
}

const options = { retry: Schedule.recurs(2), timeout: "20 seconds" } as const

const stuck = Exit.die("it does not end")

const byTestClock: Timed = (effect) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.fork(effect)
    for (let i = 0; i < 40 && fiber.unsafePoll() === null; i++) yield* TestClock.adjust("3 seconds")
    if (fiber.unsafePoll() !== null) return yield* fiber.await
    yield* Fiber.interrupt(fiber)
    return stuck
  })

/** A clock whose time passes `factor` times as fast as real time. */
const faster = (factor: number): Clock.Clock => {
  const clock = Clock.make()
  const start = Date.now()
  const millis = () => start + (Date.now() - start) * factor
  const nanos = () => BigInt(millis()) * 1_000_000n
  return {
    ...clock,
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    sleep: (duration) => clock.sleep(Duration.times(duration, 1 / factor)),
    unsafeCurrentTimeMillis: millis,
    unsafeCurrentTimeNanos: nanos,
    currentTimeMillis: Effect.sync(millis),
    currentTimeNanos: Effect.sync(nanos)
  }
}

const byFasterClock: Timed = (effect, limit = "2 minutes") =>
  Effect.timeoutTo(Effect.exit(effect), { duration: limit, onSuccess: (exit) => exit, onTimeout: () => stuck })

const headerOf = (username: string, password: string): string => `Basic ${btoa(`${username}:${password}`)}`

const inThisProcess: Environment = {
  name: "embedded, in process",
  overFetch: false,
  has: ({ needs }) => needs === undefined,
  make: (rewrites) =>
    Effect.gen(function*() {
      const couch = yield* EmbeddedCouch.make({ admin, interpreter, iterations: 1 })
      const inner = EmbeddedCouch.transport(couch)
      const header = headerOf(admin.username, Redacted.value(admin.password))
      const { transport, ...middlebox } = inProcess(inner, rewrites?.(header))
      const auth = Auth.basic(admin.username, admin.password)
      const over = (transport: Transport.Service, auth: Auth.Auth) =>
        CouchHttp.make({ url: "http://embedded", auth, ...options }).pipe(
          Effect.provideService(Transport.Transport, transport),
          Effect.orDie
        )
      return {
        clean: yield* over(inner, auth),
        client: (auth) => over(transport, auth),
        auth,
        middlebox,
        remote: (database) => database,
        timed: byTestClock
      }
    }),
  it: (name, test) => it.scoped(name, test)
}

interface Address {
  readonly url: string
  readonly username: string
  readonly password: Redacted.Redacted
}

const behindProxy = (
  name: string,
  has: Environment["has"],
  server: Effect.Effect<Address, unknown, Scope>
): Environment => ({
  name,
  overFetch: true,
  has,
  make: (rewrites) =>
    Effect.gen(function*() {
      const { password, url, username } = yield* server
      const middlebox = yield* overHttp(url, rewrites?.(headerOf(username, Redacted.value(password))))
      const transport = yield* Layer.build(fetchTransport)
      const auth = Auth.basic(username, password)
      // By the faster clock: a busy server needs some seconds for a replication.
      const at = (url: string, auth: Auth.Auth, timeout: Duration.DurationInput = "10 minutes") =>
        CouchHttp.make({ url, auth, ...options, timeout }).pipe(Effect.provide(transport), Effect.orDie)
      return {
        clean: yield* at(url, auth, "20 minutes"),
        client: (auth) => at(middlebox.url, auth),
        auth,
        middlebox,
        remote: (database) => ({ url: `${url}/${database}`, username, password }),
        timed: byFasterClock
      }
    }),
  it: (name, test) => it.scopedLive(name, () => Effect.suspend(() => Effect.withClock(test(), faster(20))))
})

const servedOverHttp = behindProxy(
  "embedded, through a proxy",
  ({ needs }) => needs === "HTTP",
  Effect.map(Serve.serve({ admin, interpreter, iterations: 1 }), ({ url }) => ({ url, ...admin }))
)

const real = (text: string): Environment => {
  const url = new URL(text)
  return behindProxy(
    "CouchDB at COUCHDB_URL, through a proxy",
    () => true,
    Effect.succeed({
      url: url.origin,
      username: decodeURIComponent(url.username),
      password: Redacted.make(decodeURIComponent(url.password))
    })
  )
}

const named = process.env["COUCHDB_URL"]

/** The embedded engine, and with COUCHDB_URL the server that it names. */
export const environments: ReadonlyArray<Environment> = [
  inThisProcess,
  servedOverHttp,
  ...(named === undefined ? [] : [real(named)])
]
