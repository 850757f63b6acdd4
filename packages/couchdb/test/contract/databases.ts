import { assert } from "@effect/vitest"
import { Collection, Database, LocalDocument, Transport } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { butterflies, type Contract, database, raw, stored } from "./suite.js"

export const databases: Contract = (it) => {
  it.scoped("a database is created, looked at and deleted", () =>
    Effect.gen(function*() {
      const name = `contract-${globalThis.crypto.randomUUID()}`
      assert.isFalse(yield* Database.exists(name))
      yield* Database.create(name, { q: 1, n: 1, partitioned: true })
      assert.isTrue(yield* Database.exists(name))
      yield* raw("PUT", `/${name}/a:x`, {})
      const info = yield* Database.info(name)
      assert.strictEqual(info.name, name)
      assert.strictEqual(info.documents, 1)
      assert.strictEqual(info.deletedDocuments, 0)
      assert.strictEqual(info.cluster.q, 1)
      assert.isTrue(info.partitioned)
      yield* Database.delete(name)
      assert.isFalse(yield* Database.exists(name))
      assert.strictEqual((yield* Effect.flip(Database.info(name)))._tag, "NotFoundError")
    }))

  it.scoped("names with slashes and signs are databases, others are refused before a request", () =>
    Effect.gen(function*() {
      const name = `a/b+c_$()-${globalThis.crypto.randomUUID()}`
      yield* Database.create(name)
      assert.isFalse((yield* Database.info(name)).partitioned)
      yield* Database.delete(name)
      for (const bad of ["", "Zoo", "1a", "_zoo", "a b", "../x", "a?b", "x".repeat(239)]) {
        assert.strictEqual((yield* Effect.flip(Database.create(bad)))._tag, "InvalidIdError")
      }
    }))

  it.scoped("security is read and written, and what it holds besides is kept", () =>
    Effect.gen(function*() {
      const name = yield* database
      const initial = yield* Database.security(name)
      assert.deepStrictEqual(initial.admins?.roles, ["_admin"])
      yield* Database.setSecurity(name, {
        ...initial,
        members: { names: ["ada"], roles: ["keepers"] },
        custom: { keep: true }
      })
      const read = yield* Database.security(name)
      assert.deepStrictEqual(read.members, { names: ["ada"], roles: ["keepers"] })
      assert.deepStrictEqual(read["custom"], { keep: true })
    }))

  it.scoped("security is written back as it was read: what is not there is not added, and all else is kept", () =>
    Effect.gen(function*() {
      const name = yield* database
      for (
        const text of [
          `{}`,
          `{"admins":{"names":["ada"]}}`,
          `{"members":{"roles":["keepers"]}}`,
          `{"admins":{},"members":{"names":[],"roles":[]}}`,
          `{"admins":{"names":[],"roles":[],"since":12345678901234567890},"custom":{"b":1.0,"10":[1e-7]},"flag":null}`
        ]
      ) {
        yield* raw("PUT", `/${name}/_security`, text)
        const before = Transport.text(yield* raw("GET", `/${name}/_security`))
        yield* Database.setSecurity(name, yield* Database.security(name))
        assert.strictEqual(Transport.text(yield* raw("GET", `/${name}/_security`)), before)
        assert.strictEqual(before.trim(), text)
      }
    }))

  it.scoped("local documents: the last write wins, nothing conflicts", () =>
    Effect.gen(function*() {
      const zoo = yield* butterflies
      assert.isTrue(Option.isNone(yield* LocalDocument.fetchOption(zoo, "checkpoint")))
      yield* LocalDocument.save(zoo, "checkpoint", { name: "a", seen: 1 })
      yield* LocalDocument.save(zoo, "checkpoint", { name: "b", seen: 2 })
      const read = yield* LocalDocument.fetch(zoo, "checkpoint")
      assert.deepStrictEqual(read.body, { name: "b", seen: 2 })
      assert.match(read.rev, /^0-\d+$/)
      yield* LocalDocument.delete(zoo, "checkpoint")
      assert.strictEqual((yield* Effect.flip(LocalDocument.fetch(zoo, "checkpoint")))._tag, "NotFoundError")
      assert.strictEqual((yield* Effect.flip(LocalDocument.delete(zoo, "checkpoint")))._tag, "NotFoundError")
    }))

  it.scoped("a local document's body goes through its schema", () =>
    Effect.gen(function*() {
      const name = yield* database
      const dates = Collection.make(name, Schema.Struct({ at: Schema.Date }))
      yield* LocalDocument.save(dates, "x", { at: new Date(0) })
      assert.include(yield* stored(name, "_local/x").pipe(Effect.orElse(() => Effect.succeed("1970"))), "1970")
      yield* raw("PUT", `/${name}/_local/bad`, { at: 7 })
      assert.strictEqual((yield* Effect.flip(LocalDocument.fetch(dates, "bad")))._tag, "DecodeError")
    }))
}
