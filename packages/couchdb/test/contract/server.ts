import { assert } from "@effect/vitest"
import { Changes, Collection, Database, Document, Server } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { type Contract, database, raw } from "./suite.js"

const unique = (prefix: string) => `${prefix}-${globalThis.crypto.randomUUID()}`

/** A database whose creation is told of, however busy the server is with others. */
const toldOf = (name: string) => (update: Server.Update) => update.database === name

export const server: Contract = (it) => {
  it.scoped("what the server says of itself", () =>
    Effect.gen(function*() {
      const info = yield* Server.info
      assert.match(info.version, /^\d+\.\d+/)
      assert.isTrue(Option.isSome(info.uuid))
      assert.isTrue(yield* Server.up)
      const ids = yield* Server.uuids(5)
      assert.strictEqual(new Set(ids).size, 5)
      for (const id of ids) assert.match(id, /^[0-9a-f]{32}$/)
      assert.strictEqual((yield* Effect.flip(Server.uuids(100_000)))._tag, "BadRequestError")
    }))

  it.scoped("its databases, in one answer, as a stream, and what they say of themselves", () =>
    Effect.gen(function*() {
      const name = yield* database
      yield* raw("PUT", `/${name}/x`, {})
      assert.deepStrictEqual(yield* Server.databases({ startKey: name, endKey: name }), [name])
      assert.deepStrictEqual(yield* Server.databases({ startKey: name, endKey: name, inclusiveEnd: false }), [])
      assert.include(yield* Server.databases({ descending: true }), name)
      assert.lengthOf(yield* Server.databases({ limit: 1 }), 1)
      const all = yield* Stream.runCollect(Server.streamDatabases)
      assert.include(Array.from(all), name)
      assert.strictEqual(new Set(all).size, all.length)
      const nobody = unique("nobody")
      const [known, unknown] = yield* Server.databaseInfos([name, nobody])
      assert.strictEqual(known?.info.pipe(Option.map((info) => info.documents), Option.getOrNull), 1)
      assert.deepStrictEqual(unknown, { name: nobody, info: Option.none() })
      const many = Array.from({ length: 250 }, (_, i) => i === 240 ? name : `${nobody}-${i}`)
      const infos = yield* Server.databaseInfos(many)
      assert.deepStrictEqual(infos.map(({ name }) => name), many)
      assert.deepStrictEqual(infos.filter(({ info }) => Option.isSome(info)).map(({ name }) => name), [name])
      const found = yield* Stream.runHead(Stream.filter(Server.streamDatabaseInfos, (info) => info.name === name))
      assert.isTrue(Option.isSome(Option.flatMap(found, ({ info }) => info)))
    }))

  it.scoped("what happens to databases, once, as it happens, and followed from a place", () =>
    Effect.gen(function*() {
      const { lastSequence } = yield* Server.updates()
      const name = unique("contract")
      const first = yield* Effect.fork(
        Stream.runHead(Stream.filter(Server.continuousUpdates({ since: lastSequence, heartbeat: 500 }), toldOf(name)))
      )
      yield* Database.create(name)
      const told = yield* Effect.flatten(Fiber.join(first))
      assert.strictEqual(told.kind, "created")
      assert.isTrue(Option.isSome(told.sequence))
      assert.isNotEmpty((yield* Server.longpollUpdates({ since: lastSequence, timeout: "10 seconds" })).updates)
      const page = yield* Server.updates({ since: lastSequence })
      assert.isTrue(page.updates.some(toldOf(name)))
      const checkpoint = yield* Changes.inMemory
      yield* Database.delete(name)
      const deleted = yield* Server.followUpdates({
        since: lastSequence,
        heartbeat: 500,
        checkpoint,
        checkpointEvery: 0
      }).pipe(
        Stream.filter((update) => toldOf(name)(update) && update.kind === "deleted"),
        Stream.runHead
      )
      assert.isTrue(Option.isSome(deleted))
      assert.isTrue(Option.isSome(yield* checkpoint.read))
    }))

  it.scoped("what it is busy with, its nodes and their configuration", () =>
    Effect.gen(function*() {
      for (const task of yield* Server.activeTasks) assert.isNotEmpty(task.node)
      const name = yield* Server.nodeName()
      assert.include((yield* Server.membership).clusterNodes, name)
      assert.match(yield* Server.clusterState, /^(single_node|cluster)_/)
      // CouchDB never forgets the name of a section, so it is always the same.
      const section = "effect-couchdb-contract"
      const key = unique("key")
      assert.deepStrictEqual(yield* Server.configValue(section, key), Option.none())
      assert.deepStrictEqual(yield* Server.deleteConfigValue(section, key), Option.none())
      assert.strictEqual(yield* Server.setConfigValue(section, key, "one", name), "")
      assert.strictEqual(yield* Server.setConfigValue(section, key, "two"), "one")
      assert.strictEqual((yield* Server.configSection(section))[key], "two")
      assert.strictEqual((yield* Server.config())[section]?.[key], "two")
      assert.deepStrictEqual(yield* Server.configValue(section, key), Option.some("two"))
      assert.deepStrictEqual(yield* Server.deleteConfigValue(section, key), Option.some("two"))
      assert.notProperty(yield* Server.configSection(section), key)
      assert.strictEqual((yield* Effect.flip(Server.config("nobody@nowhere")))._tag, "NotFoundError")
      assert.propertyVal(yield* Server.stats(["couchdb", "httpd", "requests"]), "type", "counter")
      assert.property(yield* Server.system(), "uptime")
      assert.property(yield* Server.versions(), "javascript_engine")
    }))

  it.scoped("how the splitting of its shards is", () =>
    Effect.gen(function*() {
      const summary = yield* Server.reshardSummary
      assert.strictEqual(summary.state, "running")
      assert.isArray(yield* Server.reshardJobs)
      assert.strictEqual((yield* Effect.flip(Server.reshardJob("001-none")))._tag, "NotFoundError")
    }))

  it.scoped("maintenance, limits, shards and revisions of a database", () =>
    Effect.gen(function*() {
      const name = yield* database
      const zoo = Collection.make(name, Schema.Struct({ n: Schema.Number }))
      const doc = yield* Document.create(zoo, "x", { n: 1 })
      const rev = yield* Document.revision(doc)
      yield* Database.compact(name)
      yield* raw("PUT", `/${name}/_design/d`, { views: { v: { map: "function (doc) { emit(null) }" } } })
      yield* Database.compactViews(name, "d")
      assert.strictEqual((yield* Effect.flip(Database.compactViews(name, "nobody")))._tag, "NotFoundError")
      assert.strictEqual((yield* Effect.flip(Database.compactViews(name, "..")))._tag, "InvalidIdError")
      yield* Database.cleanUpViews(name)
      yield* Database.ensureFullCommit(name)
      yield* Database.setRevisionsLimit(name, 77)
      assert.strictEqual(yield* Database.revisionsLimit(name), 77)
      yield* Database.setPurgedInfosLimit(name, 88)
      assert.strictEqual(yield* Database.purgedInfosLimit(name), 88)
      const shards = yield* Database.shards(name)
      const shard = yield* Database.shardOf(name, "x")
      assert.deepStrictEqual(shards[shard.range], shard.nodes)
      yield* Database.syncShards(name)
      const other = "1-967a00dff5e02add41819138abb3284d"
      assert.deepStrictEqual(yield* Database.missingRevisions(name, { x: [rev, other] }), { x: [other] })
      assert.deepStrictEqual(yield* Database.revisionsDifference(name, { x: [rev] }), {})
      const diff = yield* Database.revisionsDifference(name, { x: [`5-${"a".repeat(32)}`] })
      assert.deepStrictEqual(diff["x"], { missing: [`5-${"a".repeat(32)}`], possibleAncestors: [rev] })
      const purged = yield* Database.purge(name, { x: [rev, other], y: [other] })
      assert.deepStrictEqual(purged, { purged: { x: [rev], y: [] }, ignored: { x: [other], y: [other] } })
      assert.isFalse(yield* Document.exists(zoo, "x"))
      // The embedded CouchDB keeps no list of purges, and says so.
      const infos = yield* Effect.either(Database.purgedInfos(name))
      assert.isTrue(
        Either.isLeft(infos)
          ? infos.left._tag === "ServerError" && infos.left.status === 501
          : infos.right.some(({ id, revs }) => id === "x" && revs.includes(rev))
      )
    }))

  it.scoped("what a partition holds", () =>
    Effect.gen(function*() {
      const name = unique("contract")
      yield* Effect.acquireRelease(Database.create(name, { partitioned: true }), () =>
        Effect.ignore(Database.delete(name)))
      yield* raw("PUT", `/${name}/a:1`, {})
      yield* raw("PUT", `/${name}/b:1`, {})
      const info = yield* Database.partitionInfo(name, "a")
      assert.strictEqual(info.partition, "a")
      assert.strictEqual(info.documents, 1)
    }))
}
