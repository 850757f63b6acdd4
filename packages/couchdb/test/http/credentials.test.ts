import { assert, describe, it } from "@effect/vitest"
import { Auth, CouchHttp, Server, Session, User } from "effect-couchdb"
import * as Serve from "effect-couchdb-embedded/Serve"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import { createHmac } from "node:crypto"
import { fetchTransport } from "../contract/targets.js"

interface Place {
  readonly url: URL
  readonly key: string
  readonly secret: string
}

/**
 * A CouchDB of one's own for these tests, which are not for a server that others use: COUCHDB_AUTH_URL names it with an
 * administrator. It takes tokens signed with COUCHDB_AUTH_KEY and users that COUCHDB_AUTH_SECRET vouches for.
 */
const own: Option.Option<Place> = Effect.runSync(Effect.option(Config.all({
  url: Config.map(Config.string("COUCHDB_AUTH_URL"), (url) => new URL(url)),
  key: Config.string("COUCHDB_AUTH_KEY"),
  secret: Config.string("COUCHDB_AUTH_SECRET")
})))

/** What somebody asks of a place. */
const as = <A, E>({ url }: Place, auth: Auth.Auth, effect: Effect.Effect<A, E, CouchHttp.CouchHttp>) =>
  Effect.gen(function*() {
    const couch = yield* CouchHttp.make({ url: url.origin, auth }).pipe(Effect.provide(fetchTransport))
    return yield* Effect.provideService(effect, CouchHttp.CouchHttp, couch)
  })

const adminOf = ({ url }: Place) => Auth.basic(url.username, Redacted.make(url.password))

/** The embedded CouchDB, with its trusted keys. */
const embedded = Effect.gen(function*() {
  const { url } = yield* Serve.serve({ quiet: true, admin: { username: "admin", password: Redacted.make("password") } })
  const place = { url: new URL(url.replace("//", "//admin:password@")), key: "signing-key", secret: "the secret" }
  const handlers = ["cookie", "jwt", "proxy", "default"].map((name) => `{chttpd_auth, ${name}_authentication_handler}`)
  yield* as(
    place,
    adminOf(place),
    Effect.all([
      Server.setConfigValue("chttpd", "authentication_handlers", handlers.join(", ")),
      Server.setConfigValue("jwt_keys", "hmac:_default", Encoding.encodeBase64(place.key)),
      Server.setConfigValue("chttpd_auth", "secret", place.secret),
      Server.setConfigValue("chttpd_auth", "proxy_use_secret", "true")
    ])
  )
  return place
})

const base64 = (text: string) => Encoding.encodeBase64Url(text)

const signed = (claims: object, key: string) => {
  const text = `${base64(`{"alg":"HS256","typ":"JWT"}`)}.${base64(JSON.stringify(claims))}`
  return Redacted.make(`${text}.${createHmac("sha256", key).update(text).digest("base64url")}`)
}

const soon = () => Math.floor(Date.now() / 1000) + 60

const asked = (place: Place, auth: Auth.Auth) => as(place, auth, Session.info)

const places = [
  { name: "the embedded CouchDB", place: embedded },
  ...Option.toArray(own).map((place) => ({ name: "a CouchDB of one's own", place: Effect.succeed(place) }))
]

describe.each(places)("credentials that $name takes", ({ place }) => {
  it.scopedLive("a token, with its roles", () =>
    Effect.gen(function*() {
      const at = yield* place
      const who = yield* asked(
        at,
        Auth.jwt(signed({ "sub": "ada", "exp": soon(), "_couchdb.roles": ["keepers"] }, at.key))
      )
      assert.deepStrictEqual([who.name, who.roles, who.method], [Option.some("ada"), ["keepers"], Option.some("jwt")])
    }))

  it.scopedLive("a token that is over, and one signed with another key, are asked for again once", () =>
    Effect.gen(function*() {
      const at = yield* place
      const wrong = [signed({ sub: "ada", exp: soon() }, "another"), signed({ sub: "ada", exp: 1 }, at.key)]
      for (const bad of wrong) {
        const given = yield* Ref.make(0)
        const tokens = Effect.map(
          Ref.updateAndGet(given, (n) => n + 1),
          (n) => n === 1 ? bad : signed({ sub: "ada", exp: soon() }, at.key)
        )
        assert.deepStrictEqual((yield* asked(at, Auth.jwt(tokens))).name, Option.some("ada"))
        assert.strictEqual(yield* Ref.get(given), 2)
      }
      for (const bad of wrong) {
        const error = yield* Effect.flip(asked(at, Auth.jwt(Effect.succeed(bad))))
        assert.include(["UnauthorizedError", "BadRequestError"], error._tag)
        assert.notInclude(error.message, Redacted.value(bad))
      }
    }))

  it.scopedLive("a user that this program vouches for, by SHA-256 and by SHA-1", () =>
    Effect.gen(function*() {
      const at = yield* place
      for (const algorithm of ["sha256", "sha"] as const) {
        const who = yield* asked(
          at,
          Auth.proxy("Zoë", { roles: ["keepers", "feeders"], secret: Redacted.make(at.secret), algorithm })
        )
        assert.deepStrictEqual([who.name, who.roles], [Option.some("Zoë"), ["keepers", "feeders"]])
        assert.deepStrictEqual(who.method, Option.some("proxy"))
      }
      const nobody = yield* asked(at, Auth.proxy("ada", { secret: Redacted.make("another") }))
      assert.deepStrictEqual(nobody.name, Option.none())
    }))
})

describe.skipIf(Option.isNone(own))("what a CouchDB of one's own does by its configuration", () => {
  const place = Option.getOrElse(own, (): Place => ({ url: new URL("http://nobody"), key: "", secret: "" }))
  const run = <A, E>(effect: Effect.Effect<A, E, CouchHttp.CouchHttp>, auth: Auth.Auth) => as(place, auth, effect)
  const admin = adminOf(place)
  const { url } = place
  const configure = (section: string, name: string, value: string) => {
    const put = (value: string) => run(Server.setConfigValue(section, name, value), admin)
    return Effect.acquireRelease(put(value), (before) => Effect.orDie(put(before)))
  }

  it.scopedLive(
    "a session whose cookie says no expiry is begun again when the server has forgotten it",
    () =>
      Effect.gen(function*() {
        yield* configure("chttpd_auth", "allow_persistent_cookies", "false")
        yield* configure("chttpd_auth", "timeout", "2")
        const again = Effect.gen(function*() {
          yield* Session.info
          yield* Effect.sleep("4 seconds")
          return yield* Effect.flatMap(
            CouchHttp.CouchHttp,
            (couch) => couch.execute({ method: "GET", path: "/_users", route: "/{db}" })
          )
        })
        const answered = yield* run(again, Auth.session(url.username, Redacted.make(url.password)))
        assert.strictEqual(answered.status, 200)
      })
  )

  it.scopedLive("reports an account that is locked after wrong passwords", () =>
    Effect.gen(function*() {
      yield* configure("chttpd_auth_lockout", "mode", "enforce")
      const name = `ada-${globalThis.crypto.randomUUID()}`
      const good = Redacted.make("correct horse")
      yield* Effect.acquireRelease(
        run(User.create(name, good), admin),
        () => Effect.ignore(run(User.delete(name), admin))
      )
      const wrong = Auth.basic(name, Redacted.make("wrong"))
      const tags: Array<string> = []
      for (let i = 0; i < 6; i++) tags.push((yield* Effect.flip(run(Session.info, wrong)))._tag)
      assert.deepStrictEqual(tags, [...Array.from({ length: 5 }, () => "UnauthorizedError"), "AccountLockedError"])
      // The right one does not help any more.
      assert.strictEqual((yield* Effect.flip(run(Session.info, Auth.basic(name, good))))._tag, "AccountLockedError")
    }))
})
