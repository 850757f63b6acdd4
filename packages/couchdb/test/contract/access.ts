import { assert } from "@effect/vitest"
import {
  Auth,
  Collection,
  type CouchError,
  CouchHttp,
  Database,
  DesignDocument,
  Document,
  Mango,
  Session,
  User
} from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { type Contract, database, raw } from "./suite.js"

const secret = () => Redacted.make(globalThis.crypto.randomUUID())

/** A user that is gone when the scope closes. */
const user = (roles: ReadonlyArray<string> = []) =>
  Effect.gen(function*() {
    const name = `ada-${globalThis.crypto.randomUUID()}`
    const password = secret()
    yield* Effect.acquireRelease(
      User.create(name, password, { roles, members: { note: "kept" } }),
      () => Effect.ignore(User.delete(name))
    )
    return { name, password }
  })

/** Gives a user a password, and waits until the server has heard of it: what it knows of users it keeps for a moment. */
const change = (name: string, before: Redacted.Redacted, after: Redacted.Redacted) =>
  Effect.gen(function*() {
    const { cookie } = yield* Session.login(name, before)
    yield* User.changePassword(name, after)
    yield* Effect.repeat(CouchHttp.withAuth(Session.info, Auth.cookie(cookie)), {
      until: (who) => Option.isNone(who.name),
      times: 500
    })
  })

export const access: Contract = (it) => {
  it.scoped("a user is created once, read, changed and deleted", () =>
    Effect.gen(function*() {
      const { name, password } = yield* user(["keepers"])
      assert.deepStrictEqual({ ...(yield* User.fetch(name)) }, { name, roles: ["keepers"] })
      assert.strictEqual((yield* Effect.flip(User.create(name, password)))._tag, "UpdateConflictError")
      const changed = yield* User.updateRoles(name, (roles) => [...roles, "feeders"])
      assert.deepStrictEqual(changed.roles, ["keepers", "feeders"])
      assert.deepStrictEqual((yield* User.fetch(name)).roles, ["keepers", "feeders"])
      const users = Collection.make("_users", Schema.Struct({ note: Schema.String }))
      assert.strictEqual((yield* Document.fetch(users, `org.couchdb.user:${name}`)).body.note, "kept")
      assert.deepStrictEqual((yield* Session.login(name, password)).roles, ["keepers", "feeders"])
      const other = secret()
      yield* change(name, password, other)
      assert.strictEqual((yield* Effect.flip(Session.login(name, password)))._tag, "UnauthorizedError")
      assert.deepStrictEqual((yield* Session.login(name, other)).roles, ["keepers", "feeders"])
      yield* User.delete(name)
      assert.deepStrictEqual(yield* User.fetchOption(name), Option.none())
      assert.strictEqual((yield* Effect.flip(User.delete(name)))._tag, "NotFoundError")
      assert.strictEqual((yield* Effect.flip(User.create("", password)))._tag, "InvalidIdError")
    }))

  it.scoped("roles that two change at once are all there", () =>
    Effect.gen(function*() {
      const { name } = yield* user()
      yield* Effect.all(
        ["a", "b"].map((role) => User.updateRoles(name, (roles) => [...roles, role])),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual((yield* User.fetch(name)).roles.slice().sort(), ["a", "b"])
    }))

  it.scoped("a session reads and writes what its user may", () =>
    Effect.gen(function*() {
      const { name, password } = yield* user(["keepers"])
      const zoo = Collection.make(yield* database, Schema.Struct({ n: Schema.Number }))
      yield* Database.setSecurity(zoo.database, {
        admins: { names: [], roles: ["_admin"] },
        members: { names: [], roles: ["keepers"] }
      })
      const asAda = CouchHttp.withAuth(Auth.session(name, password))
      const who = yield* asAda(Session.info)
      assert.deepStrictEqual(who.name, Option.some(name))
      assert.deepStrictEqual(who.method, Option.some("cookie"))
      yield* asAda(Document.create(zoo, "x", { n: 1 }))
      assert.deepStrictEqual((yield* asAda(Document.fetch(zoo, "x"))).body, { n: 1 })
      const anonymous = yield* Effect.flip(CouchHttp.withAuth(Document.fetch(zoo, "x"), Auth.none))
      assert.strictEqual(anonymous._tag, "UnauthorizedError")
      const stranger = yield* user()
      const forbidden = yield* Effect.flip(
        CouchHttp.withAuth(Document.fetch(zoo, "x"), Auth.session(stranger.name, stranger.password))
      )
      assert.strictEqual(forbidden._tag, "ForbiddenError")
    }))

  it.scoped("what takes an administrator says so to everybody else", () =>
    Effect.gen(function*() {
      const zoo = Collection.make(yield* database, Schema.Struct({ n: Schema.Number }))
      const [member, keeper, stranger] = [yield* user(), yield* user(), yield* user()]
      const security = {
        admins: { names: [keeper.name], roles: ["_admin"] },
        members: { names: [member.name], roles: [] }
      }
      yield* Database.setSecurity(zoo.database, security)
      const design = DesignDocument.make("d", { views: {} })
      const operations = {
        setSecurity: Database.setSecurity(zoo.database, security),
        setRevisionsLimit: Database.setRevisionsLimit(zoo.database, 900),
        createIndex: Effect.asVoid(Mango.createIndex(zoo, { fields: ["n"] })),
        deploy: Effect.asVoid(DesignDocument.deploy(zoo.database, design)),
        compact: Database.compact(zoo.database),
        cleanUpViews: Database.cleanUpViews(zoo.database),
        purge: Effect.asVoid(Database.purge(zoo.database, { x: ["1-967a00dff5e02add41819138abb3284d"] })),
        setPurgedInfosLimit: Database.setPurgedInfosLimit(zoo.database, 900),
        syncShards: Database.syncShards(zoo.database),
        deleteDatabase: Database.delete(zoo.database)
      }
      const outcomes = (auth: Auth.Auth) =>
        Effect.all(
          Object.fromEntries(
            Object.entries(operations).map(([name, operation]) => [
              name,
              Effect.match(
                CouchHttp.withAuth(operation as Effect.Effect<void, CouchError.CouchError, CouchHttp.CouchHttp>, auth),
                {
                  onFailure: ({ _tag }): string => _tag,
                  onSuccess: () => "done"
                }
              )
            ])
          )
        )
      const none = "UnauthorizedError"
      assert.deepStrictEqual(yield* outcomes(Auth.basic(member.name, member.password)), {
        setSecurity: "ServerError",
        setRevisionsLimit: "ForbiddenError",
        createIndex: "ForbiddenError",
        deploy: "ForbiddenError",
        compact: none,
        cleanUpViews: none,
        purge: none,
        setPurgedInfosLimit: none,
        syncShards: none,
        deleteDatabase: none
      })
      const server = { purge: none, setPurgedInfosLimit: none, syncShards: none, deleteDatabase: none }
      const within = ["setSecurity", "setRevisionsLimit", "createIndex", "deploy", "compact", "cleanUpViews"]
      const all = (tag: string) => ({ ...Object.fromEntries(within.map((name) => [name, tag])), ...server })
      assert.deepStrictEqual(yield* outcomes(Auth.basic(stranger.name, stranger.password)), all("ForbiddenError"))
      assert.deepStrictEqual(yield* outcomes(Auth.none), all(none))
      assert.deepStrictEqual(yield* outcomes(Auth.basic(keeper.name, keeper.password)), all("done"))

      const asMember = CouchHttp.withAuth(Auth.basic(member.name, member.password))
      const errors = [
        yield* Effect.flip(asMember(operations.setSecurity)),
        yield* Effect.flip(asMember(operations.setRevisionsLimit)),
        yield* Effect.flip(asMember(operations.purge))
      ]
      for (const { message } of errors) assert.include(message, "a server admin")
      assert.include(errors[1]?.message, "500 badmatch: You are not a db or server admin")

      // Anybody may use a database without members, and nobody but its administrators change it.
      yield* Database.setSecurity(zoo.database, { admins: { names: [], roles: [] }, members: { names: [], roles: [] } })
      assert.deepInclude(yield* outcomes(Auth.none), {
        setSecurity: "ServerError",
        setRevisionsLimit: none
      })
    }))

  it.scoped("refuses a session after its password was changed, and continues with the new password", () =>
    Effect.gen(function*() {
      const { name, password } = yield* user()
      const before = Auth.session(name, password)
      yield* CouchHttp.withAuth(Session.info, before)
      const other = secret()
      yield* change(name, password, other)
      const who = yield* CouchHttp.withAuth(Session.info, Auth.session(name, other))
      assert.deepStrictEqual(who.name, Option.some(name))
      const zoo = yield* database
      yield* Database.setSecurity(zoo, {
        admins: { names: [], roles: ["_admin"] },
        members: { names: [name], roles: [] }
      })
      const refused = yield* Effect.flip(CouchHttp.withAuth(Database.info(zoo), before))
      assert.strictEqual(refused._tag === "UnauthorizedError" && refused.path, "/_session")
    }))

  it.scoped("a cookie that the server does not know any more is replaced, for writes and for streams", () =>
    Effect.gen(function*() {
      const { name, password } = yield* user(["keepers"])
      const zoo = Collection.make(yield* database, Schema.Struct({ n: Schema.Number }))
      yield* Database.setSecurity(zoo.database, {
        admins: { names: [], roles: ["_admin"] },
        members: { names: [name], roles: [] }
      })
      const auth = Auth.session(name, password)
      yield* CouchHttp.withAuth(Document.create(zoo, "x", { n: 1 }), auth)
      // The same password again has another salt, which ends the sessions.
      yield* change(name, password, password)
      yield* CouchHttp.withAuth(Document.create(zoo, "y", { n: 2 }), auth)
      yield* change(name, password, password)
      const response = yield* Effect.scoped(
        Effect.flatMap(
          CouchHttp.CouchHttp,
          (couch) => couch.stream({ method: "GET", path: `/${zoo.database}/_all_docs`, route: "/{db}/_all_docs" })
        )
      ).pipe(
        CouchHttp.withAuth(auth)
      )
      assert.strictEqual(response.status, 200)
    }))

  it.scoped("anybody may ask who they are; a logout ends a session", () =>
    Effect.gen(function*() {
      const anonymous = yield* CouchHttp.withAuth(Session.info, Auth.none)
      assert.deepStrictEqual(anonymous.name, Option.none())
      assert.deepStrictEqual(anonymous.method, Option.none())
      assert.include(anonymous.methods, "cookie")
      const { name, password } = yield* user()
      const begun = yield* Session.login(name, password)
      assert.strictEqual(begun.name, name)
      const auth = Auth.session(name, password)
      yield* CouchHttp.withAuth(Session.info, auth)
      yield* CouchHttp.withAuth(Session.logout, auth)
      assert.deepStrictEqual((yield* CouchHttp.withAuth(Session.info, auth)).name, Option.some(name))
      yield* raw("GET", "/")
    }))
}
