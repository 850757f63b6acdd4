import {
  Attachment,
  Batching,
  Bulk,
  Changes,
  Collection,
  Conflict,
  CouchHttp,
  Database,
  DesignDocument,
  Document,
  Edit,
  Functions,
  Lineage,
  LocalDocument,
  Mango,
  Merge,
  Replication,
  Revision,
  Search,
  Server,
  Session,
  User,
  View
} from "effect-couchdb"
import * as Arr from "effect/Array"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type { Scope } from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Str from "effect/String"

/** What every body of the scene contains, so that a test can look for bodies. */
export const marker = "body-marker-5c1d"

/** The password of the scene's user. */
export const userPassword = "user-password-9e2f"

const Note = Schema.Struct({
  n: Schema.Number.pipe(Merge.annotate(Merge.counter)),
  text: Schema.String,
  tags: Schema.Array(Schema.String).pipe(Merge.annotate(Merge.set))
})
type Note = typeof Note.Type

const merge = Merge.make(Note)

/** Two databases and a user, whose names no other scene has. */
export interface Fixture {
  readonly db: string
  readonly target: string
  readonly user: string
  readonly notes: Collection.Collection<Note, typeof Note.Encoded, never, string>
  /** The same documents, with lineage. */
  readonly lineal: Collection.Collection<Note, typeof Note.Encoded, never, string>
  /** A database as the server itself reaches it. */
  readonly remote: (database: string) => Replication.Remote
}

type Client<A, E = unknown> = Effect.Effect<A, E, CouchHttp.CouchHttp | Scope>

/**
 * A public operation on a scene.
 *
 * - `run`: the operation; it may use what `prepare` returned
 * - `prepare`: what happens before it
 * - `settle`: what a program does next, after the operation succeeded or failed, such as running it again
 * - `varies`: its value differs from run to run
 * - `endless`: it may still be running after any time, since it outlives what goes wrong
 * - `once`: it is not repeated after a failure that leaves open whether it happened, and reports it
 * - `needs`: whether it needs a server that reaches itself over HTTP, or what only CouchDB itself has
 */
export interface Operation {
  readonly name: string
  readonly prepare: (fixture: Fixture) => Client<unknown>
  readonly run: (fixture: Fixture, prepared: unknown) => Client<unknown>
  readonly settle: ((fixture: Fixture, prepared: unknown) => Client<unknown>) | undefined
  readonly varies: boolean
  readonly endless: boolean
  readonly once: boolean
  readonly needs: "HTTP" | "CouchDB" | undefined
}

interface More<P> {
  readonly settle?: (fixture: Fixture, prepared: P) => Client<unknown>
  readonly varies?: boolean
  readonly endless?: boolean
  readonly needs?: "HTTP" | "CouchDB"
}

/** Sent again, each of them could do something else, or be refused although it had succeeded. */
const notRepeated = new Set([
  "Database.create",
  "Database.delete",
  "Database.ensure",
  "Database.ensure, existing",
  "Database.purge",
  "Document.copy",
  "Document.copy, overwrite",
  "Functions.update",
  "LocalDocument.delete",
  "Mango.deleteIndex",
  "Replication.cancel",
  "Replication.define",
  "Replication.remove",
  "Server.deleteConfigValue",
  "Server.removeReshardJob",
  "Server.setConfigValue",
  "Server.setUpCluster",
  "Server.startReshard",
  "User.changePassword",
  "User.create",
  "User.delete",
  "User.updateRoles"
])

const operation = <P>(
  name: string,
  prepare: (fixture: Fixture) => Client<P>,
  run: (fixture: Fixture, prepared: P) => Client<unknown>,
  more: More<P> = {}
): Operation => ({
  name,
  prepare,
  run: run as Operation["run"],
  settle: more.settle as Operation["settle"],
  varies: more.varies === true,
  endless: more.endless === true,
  once: notRepeated.has(name),
  needs: more.needs
})

const plain = (name: string, run: (fixture: Fixture) => Client<unknown>, more: More<void> = {}): Operation =>
  operation(name, () => Effect.void, run, more)

const raw = (method: CouchHttp.CouchRequest["method"], path: string, body?: unknown) =>
  Effect.flatMap(
    CouchHttp.CouchHttp,
    (couch) => couch.execute({ method, path, route: path, ...(body !== undefined && { body: JSON.stringify(body) }) })
  )

const note = (n: number): Note => ({ n, text: marker, tags: ["x"] })

const hash = (digit: string) => digit.repeat(32)

const rev = (generation: number, digit: string): Revision.Revision => Revision.make(`${generation}-${hash(digit)}`)

const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) & 255)

const base64 = (data: Uint8Array): string => btoa(String.fromCharCode(...data))

/** The documents of a scene, under revisions of their own. */
const documents = [
  { _id: "a", _rev: `1-${hash("a")}`, ...note(10) },
  { _id: "b", _rev: `1-${hash("b")}`, ...note(20) },
  { _id: "gone", _rev: `2-${hash("c")}`, _revisions: { start: 2, ids: [hash("c"), hash("b")] }, _deleted: true },
  { _id: "sib", _rev: `1-${hash("1")}`, ...note(1) },
  { _id: "sib", _rev: `2-${hash("2")}`, _revisions: { start: 2, ids: [hash("2"), hash("1")] }, ...note(3) },
  {
    _id: "sib",
    _rev: `2-${hash("3")}`,
    _revisions: { start: 2, ids: [hash("3"), hash("1")] },
    ...note(5),
    tags: ["x", "y"]
  },
  {
    _id: "file",
    _rev: `1-${hash("f")}`,
    ...note(0),
    _attachments: {
      "image": { content_type: "image/png", revpos: 1, data: base64(bytes(3000)) },
      "text": {
        content_type: "text/plain",
        revpos: 1,
        data: base64(new TextEncoder().encode(`${marker} `.repeat(100)))
      }
    }
  },
  {
    _id: "large",
    _rev: `1-${hash("e")}`,
    ...note(0),
    _attachments: { image: { content_type: "image/png", revpos: 1, data: base64(bytes(70_000)) } }
  }
]

const design = {
  views: { byN: { map: "function (doc) { emit(doc.n, null) }", reduce: "_count" } },
  shows: { card: "function (doc, req) { return 'card of ' + doc._id }" },
  lists: { all: "function (head, req) { var row; while (row = getRow()) send(row.id + ' ') }" },
  rewrites: [{ from: "doc/*", to: "../../*" }],
  updates: {
    count: "function (doc, req) { if (!doc) return [null, 'none']; doc.n += 1; return [doc, 'counted'] }"
  }
}

/** A scene of its own, gone with the scope. `remote` names a database as the server itself reaches it. */
export const makeFixture = (
  remote: Fixture["remote"]
): Effect.Effect<Fixture, unknown, CouchHttp.CouchHttp | Scope> =>
  Effect.gen(function*() {
    const suffix = globalThis.crypto.randomUUID()
    const [db, target, user] = [`scene-${suffix}`, `target-${suffix}`, `user-${suffix}`]
    yield* Effect.addFinalizer(() =>
      Effect.all([Database.delete(db), Database.delete(target), Database.delete(`new-${suffix}`), User.delete(user)], {
        mode: "either"
      })
    )
    yield* Database.create(db)
    yield* Database.create(target)
    yield* raw("POST", `/${db}/_bulk_docs`, { docs: documents, new_edits: false })
    yield* raw("PUT", `/${db}/_design/d`, design)
    yield* raw("PUT", `/${db}/_local/here`, note(7))
    yield* User.create(user, Redacted.make(userPassword), { roles: ["keepers"] })
    return {
      db,
      target,
      user,
      notes: Collection.make(db, Note),
      lineal: Collection.make(db, Note, { lineage: Lineage.settings() }),
      remote
    }
  })

const fetchA = ({ notes }: Fixture) => Document.fetch(notes, "a")
const edited = (fixture: Fixture) =>
  Effect.map(fetchA(fixture), Document.modify((body: Note) => ({ ...body, n: body.n + 1 })))
/** A document whose revision another edit has superseded. */
const stale = (fixture: Fixture) =>
  Effect.gen(function*() {
    const doc = yield* edited(fixture)
    yield* Document.save(Document.modify(doc, (body) => ({ ...body, n: 15, tags: ["x", "other"] })))
    return doc
  })
const both = ({ notes }: Fixture) =>
  Effect.map(
    Effect.all([Document.fetch(notes, "a"), Document.fetch(notes, "b")]),
    (docs) => docs.map(Document.modify((body: Note) => ({ ...body, n: body.n + 1 })))
  )

/** The rows of a bulk operation; the first that failed fails it. */
const rows = <A, E, E2, R>(effect: Effect.Effect<ReadonlyArray<Either.Either<A, E>>, E2, R>) =>
  Effect.flatMap(effect, (all): Effect.Effect<ReadonlyArray<A>, E | E2> => Effect.forEach(all, (one) => one))

const collected = <A, E, R>(stream: Stream.Stream<A, E, R>) =>
  Effect.map(Stream.runCollect(stream), Chunk.toReadonlyArray)

/** Changes in an order of their own: a server gives them by shard. */
const inOrder = ({ changes }: { readonly changes: ReadonlyArray<Changes.Change<unknown>> }) =>
  Arr.sortWith(changes, ({ id }) => id, Str.Order)

const byN = View.make({ design: "d", view: "byN", key: Schema.Number })
const countOfN = View.reduced({ design: "d", view: "byN", key: Schema.Number, value: Schema.Number })

const counting = Functions.make({ design: "d", name: "count" })
const card = Functions.make({ design: "d", name: "card" })
const listing = Functions.make({ design: "d", name: "all" })

const sides = ({ db, target }: Fixture) =>
  Effect.map(CouchHttp.CouchHttp, (couch) =>
    [
      { couch, database: db },
      { couch, database: target }
    ] as const)

const replication = (fixture: Fixture) =>
  Effect.flatMap(sides(fixture), ([source, target]) => Replication.run(source, target, { batch: 3 }))

const succeeding = (fixture: Fixture) =>
  Effect.flatMap(
    replication(fixture),
    ({ failures, statistics }) => failures.length === 0 ? Effect.succeed(statistics) : Effect.fail(failures[0]?.error)
  )

const written = ["first", "second", "last"]

const isComplete = (seen: Ref.Ref<ReadonlySet<string>>) =>
  Effect.map(Ref.get(seen), (ids) => written.every((id) => ids.has(id)))

/** Notes the ids that a follower hands out, until it has handed out all that were written after its checkpoint. */
const follow = (fixture: Fixture, seen: Ref.Ref<ReadonlySet<string>>) =>
  Changes.follow(fixture.db, {
    checkpoint: Changes.inLocalDocument(fixture.db, "follower"),
    checkpointEvery: 0,
    since: "now",
    heartbeat: "1 second",
    retry: Schedule.spaced("2 seconds")
  }).pipe(
    Stream.tap((change) =>
      change._tag === "DatabaseGone" ? Effect.void : Ref.update(seen, (ids) => new Set([...ids, change.id]))
    ),
    Stream.takeUntilEffect(() => isComplete(seen)),
    Stream.runDrain
  )

const following = { heartbeat: "1 second", retry: Schedule.spaced("2 seconds") } as const

/** What a follower has to see: documents written after its checkpoint. */
const prepareFollower = (fixture: Fixture) =>
  Effect.gen(function*() {
    const { lastSequence } = yield* Changes.fetch(fixture.db)
    const checkpoint = Changes.inLocalDocument(fixture.db, "follower")
    yield* checkpoint.write(lastSequence)
    for (const id of written) yield* Document.create(fixture.notes, id, note(1))
    return yield* Ref.make<ReadonlySet<string>>(new Set())
  })

/** Follows on from the checkpoint, if something was not handed out yet. */
const resumeFollowing = (fixture: Fixture, seen: Ref.Ref<ReadonlySet<string>>) =>
  Effect.flatMap(isComplete(seen), (complete) =>
    complete ? Effect.void : Effect.timeoutFail(follow(fixture, seen), {
      duration: "30 seconds",
      onTimeout: () => "some changes were never handed out"
    }))

/** With Batching over the client. */
const batched = <A, E>(effect: Effect.Effect<A, E, CouchHttp.CouchHttp>) => Effect.provide(effect, Batching.layer())

const definition = ({ db, remote, target }: Fixture): Replication.Definition => ({
  source: remote(db),
  target: remote(target)
})

/** A replication that its server has written down, and ended. */
const completed = (fixture: Fixture) =>
  Replication.define(fixture.user, definition(fixture)).pipe(
    Effect.zipRight(Stream.runDrain(Replication.progress(fixture.user, { every: "100 millis" }))),
    Effect.ignore
  )

const removed = ({ user }: Fixture) => Effect.ignore(Replication.remove(user))

const searched = Search.nouveau({ design: "d", index: "i" })
const grouped = Search.clouseau({ design: "d", index: "i" })

/** Heads of `sib` were merged with lineage, and the loser is buried. */
const mergedWithTombstone = ({ lineal }: Fixture) =>
  Effect.zipRight(Conflict.resolve(lineal, "sib", merge), Lineage.mergedVersions(lineal, "sib"))

/** Every public operation that sends a request. */
export const operations: ReadonlyArray<Operation> = [
  plain("Document.fetch", fetchA),
  plain("Document.fetchOption", ({ notes }) => Document.fetchOption(notes, "a")),
  plain("Document.fetchOption, missing", ({ notes }) => Document.fetchOption(notes, "nothing")),
  plain("Document.fetchOption, deleted", ({ notes }) => Document.fetchOption(notes, "gone")),
  plain("Document.exists", ({ notes }) => Document.exists(notes, "a")),
  plain("Document.exists, missing", ({ notes }) => Document.exists(notes, "nothing")),
  plain("Document.info", ({ notes }) => Document.info(notes, "a")),
  operation("Document.refresh", fetchA, (_, doc) => Document.refresh(doc)),
  operation("Document.revisions", fetchA, (_, doc) => Document.revisions(doc)),
  operation("Document.conflicts", fetchA, (_, doc) => Document.conflicts(doc)),
  operation("Document.save", edited, (_, doc) => Document.save(doc)),
  plain("Document.create", ({ notes }) => Document.create(notes, "new", note(1))),
  plain("Document.create, over a tombstone", ({ notes }) => Document.create(notes, "gone", note(1))),
  operation("Document.delete", fetchA, (_, doc) => Document.delete(doc)),
  operation("Document.copy", fetchA, (_, doc) => Document.copy(doc, "copy")),
  operation("Document.copy, overwrite", fetchA, (_, doc) => Document.copy(doc, "b", { overwrite: true })),
  plain("Document.update", ({ notes }) => Document.update(notes, "a", (body) => ({ ...body, n: body.n + 1 }))),
  plain(
    "Document.updateEffect",
    ({ notes }) => Document.updateEffect(notes, "a", (body) => Effect.succeed(Edit.change({ ...body, n: body.n + 1 })))
  ),
  plain(
    "Document.upsert",
    ({ notes }) =>
      Document.upsert(
        notes,
        "a",
        Option.match({ onNone: () => note(1), onSome: (body) => ({ ...body, n: body.n + 1 }) })
      )
  ),
  plain("Document.upsert, missing", ({ notes }) =>
    Document.upsert(
      notes,
      "new",
      Option.match({ onNone: () => note(1), onSome: (body) => ({ ...body, n: body.n + 1 }) })
    )),
  operation("Document.deleteWith", fetchA, (_, doc) => Document.deleteWith(doc, { keep: ({ n }) => ({ n }) })),
  plain("LocalDocument.fetch", ({ notes }) => LocalDocument.fetch(notes, "here")),
  plain("LocalDocument.fetchOption, missing", ({ notes }) => LocalDocument.fetchOption(notes, "nothing")),
  plain("LocalDocument.save", ({ notes }) => LocalDocument.save(notes, "here", note(8))),
  plain("LocalDocument.delete", ({ notes }) => LocalDocument.delete(notes, "here")),
  operation("Bulk.save", both, (_, docs) => rows(Bulk.save(docs))),
  operation(
    "Bulk.save, with a merge",
    both,
    (_, docs) => rows(Bulk.save(docs).pipe(Bulk.resolveWith(Conflict.merge(merge).pipe(Conflict.retry()))))
  ),
  operation("Bulk.saveStream", both, (_, docs) => rows(collected(Bulk.saveStream()(Stream.fromIterable(docs))))),
  operation("Bulk.delete", ({ notes }) => Effect.all([Document.fetch(notes, "a"), Document.fetch(notes, "b")]), (
    _,
    docs
  ) => rows(Bulk.delete(docs))),
  plain("Bulk.fetch", ({ notes }) => rows(Bulk.fetch(notes, ["a", "b"]))),
  plain("Bulk.fetch, missing", ({ notes }) =>
    Effect.map(
      Bulk.fetch(notes, ["a", "nothing"]),
      (all) => all.map((one) => Either.isRight(one) ? one.right : one.left._tag)
    )),
  plain("Bulk.fetchRevisions", ({ notes }) => rows(Bulk.fetchRevisions(notes, [{ key: "sib", rev: rev(2, "2") }]))),
  plain(
    "Bulk.insert",
    ({ db }) => rows(Bulk.insert(db, [{ id: "inserted", revisions: [rev(1, "9")], body: { ...note(1) } }]))
  ),
  plain("Bulk.fetchStream", ({ notes }) => rows(collected(Bulk.fetchStream(notes)(Stream.make("a", "b"))))),
  operation(
    "Bulk.deleteStream",
    ({ notes }) => Effect.all([Document.fetch(notes, "a"), Document.fetch(notes, "b")]),
    (_, docs) => rows(collected(Bulk.deleteStream()(Stream.fromIterable(docs))))
  ),
  plain("Bulk.insertStream", ({ db }) =>
    rows(collected(
      Bulk.insertStream(db)(Stream.succeed({ id: "inserted", revisions: [rev(1, "9")], body: { ...note(1) } }))
    ))),
  operation(
    "Bulk.resolveStreamWith",
    both,
    (_, docs) =>
      rows(collected(
        Bulk.saveStream()(Stream.fromIterable(docs)).pipe(
          Bulk.resolveStreamWith(Conflict.merge(merge).pipe(Conflict.retry()))
        )
      ))
  ),
  plain(
    "Batching, Document.fetch",
    ({ notes }) => batched(Effect.forEach(["a", "b"], (id) => Document.fetch(notes, id), { concurrency: "unbounded" }))
  ),
  plain("Batching, Document.fetchOption, missing", ({ notes }) =>
    batched(
      Effect.forEach(["a", "nothing"], (id) => Document.fetchOption(notes, id), { concurrency: "unbounded" })
    )),
  operation(
    "Batching, Document.save",
    both,
    (_, docs) => batched(Effect.forEach(docs, Document.save, { concurrency: "unbounded" }))
  ),
  operation(
    "Attachment.get",
    ({ notes }) => Document.fetch(notes, "file"),
    (_, doc) => Effect.map(collected(Attachment.get(doc, "image")), (all) => all.map((chunk) => [...chunk]).flat())
  ),
  plain(
    "Attachment.get, by place",
    ({ notes }) =>
      Effect.map(
        collected(Attachment.get(Attachment.at(notes, "file"), "text")),
        (all) => all.map((chunk) => [...chunk]).flat()
      )
  ),
  plain("Attachment.open", ({ notes }) =>
    Effect.flatMap(
      Attachment.open(Attachment.at(notes, "file"), "image", { first: 10, last: 29 }),
      ({ bytes }) => Effect.map(collected(bytes), (all) => all.map((chunk) => [...chunk]).flat())
    )),
  plain("Attachment.info", ({ notes }) => Attachment.info(Attachment.at(notes, "file"), "image")),
  plain(
    "Attachment.fetchAll",
    ({ notes }) =>
      Effect.flatMap(Attachment.fetchAll(notes, "file"), ({ document, files }) =>
        Effect.map(
          collected(
            Stream.mapEffect(files, ({ bytes, name }) =>
              Effect.map(collected(bytes), (all) => [name, all.map((chunk) => [...chunk]).flat()] as const))
          ),
          (all) => [document, all]
        ))
  ),
  operation(
    "Attachment.put",
    fetchA,
    (_, doc) => Attachment.put(doc, "note", { contentType: "image/png", bytes: bytes(500) })
  ),
  operation(
    "Attachment.save",
    edited,
    (_, doc) => Attachment.save(doc, { note: { contentType: "image/png", bytes: bytes(500) } })
  ),
  operation(
    "Attachment.delete",
    ({ notes }) => Document.fetch(notes, "file"),
    (_, doc) => Attachment.delete(doc, "image")
  ),
  plain("Changes.fetch", ({ db }) => Changes.fetch(db, { limit: 3 }), { varies: true }),
  plain("Changes.fetch, of a collection", ({ notes }) => Effect.map(Changes.fetch(notes), inOrder)),
  plain("Changes.longpoll", ({ db }) => Effect.map(Changes.longpoll(db, { timeout: "1 second" }), inOrder)),
  plain(
    "Changes.stream",
    ({ notes }) => Effect.map(collected(Changes.stream(notes)), (changes) => inOrder({ changes }))
  ),
  plain(
    "Changes.streamEither",
    ({ notes }) => Effect.map(collected(Changes.streamEither(notes)), (all) => inOrder({ changes: Arr.getRights(all) }))
  ),
  plain(
    "Changes.streamValid",
    ({ notes }) => Effect.map(collected(Changes.streamValid(notes)), (changes) => inOrder({ changes }))
  ),
  plain(
    "Changes.continuous",
    ({ db }) => Effect.map(collected(Changes.continuous(db, { limit: 2 })), (all) => all.length)
  ),
  operation("Changes.follow", prepareFollower, follow, { settle: resumeFollowing, endless: true }),
  operation(
    "Changes.process",
    prepareFollower,
    (fixture, seen) =>
      Effect.raceFirst(
        Changes.process(
          fixture.db,
          (changes) => Ref.update(seen, (ids) => new Set([...ids, ...changes.map(({ id }) => id)])),
          {
            checkpoint: Changes.inLocalDocument(fixture.db, "follower"),
            checkpointEvery: 0,
            heartbeat: "1 second",
            retry: Schedule.spaced("2 seconds")
          }
        ),
        Effect.repeat(isComplete(seen), { until: (complete) => complete, schedule: Schedule.spaced("1 second") })
      ),
    { settle: resumeFollowing, endless: true, varies: true }
  ),
  plain("Changes.followEither", ({ notes }) =>
    Effect.map(
      collected(Changes.followEither(notes, { ...following, limit: 3 })),
      (all) => all.length
    ), { endless: true }),
  plain("Changes.followValid", ({ notes }) =>
    Effect.map(
      collected(Changes.followValid(notes, { ...following, limit: 3 })),
      (all) => all.length
    ), { endless: true }),
  plain("Conflict.siblings", ({ notes }) => Conflict.siblings(notes, "sib")),
  plain("Conflict.resolve", ({ notes }) => Conflict.resolve(notes, "sib", merge)),
  plain("Conflict.resolve, with lineage", ({ lineal }) => Conflict.resolve(lineal, "sib", merge)),
  plain("Conflict.sweep", ({ notes }) => collected(Conflict.sweep(notes, merge)), { varies: true }),
  plain(
    "Conflict.watch",
    ({ notes }) =>
      Conflict.watch(notes, merge, { retry: Schedule.spaced("2 seconds"), heartbeat: "1 second" }).pipe(
        Stream.filter(({ _tag }) => _tag === "Resolved"),
        Stream.take(1),
        collected
      ),
    { endless: true }
  ),
  plain("Conflict.stream", ({ notes }) => collected(Conflict.stream(notes))),
  operation(
    "Lineage.restoreVersion",
    mergedWithTombstone,
    ({ lineal }, found) => Effect.map(Lineage.restoreVersion(lineal, "sib", found[0]!.rev), ({ id }) => id)
  ),
  operation("Lineage.stripTombstones", mergedWithTombstone, ({ lineal }) => Lineage.stripTombstones(lineal, "sib")),
  operation("Lineage.erase", mergedWithTombstone, ({ lineal }) => Lineage.erase(lineal, "sib")),
  plain("Lineage.mergedVersions", ({ lineal }) => Lineage.mergedVersions(lineal, "sib")),
  plain("Lineage.warnings", ({ lineal }) => Lineage.warnings(lineal)),
  operation(
    "Conflict.overwrite",
    stale,
    (_, doc) => Document.save(doc).pipe(Effect.catchTag("ConflictError", Conflict.overwrite))
  ),
  operation(
    "Conflict.keepTheirs",
    stale,
    (_, doc) => Document.save(doc).pipe(Effect.catchTag("ConflictError", Conflict.keepTheirs))
  ),
  operation(
    "Conflict.merge",
    stale,
    (_, doc) => Document.save(doc).pipe(Effect.catchTag("ConflictError", Conflict.merge(merge).pipe(Conflict.retry())))
  ),
  operation(
    "Conflict.fork",
    stale,
    (_, doc) => Document.save(doc).pipe(Effect.catchTag("ConflictError", Conflict.fork))
  ),
  plain("Database.create", ({ db }) => Database.create(db.replace("scene", "new"))),
  plain("Database.ensure", ({ db }) => Database.ensure(db.replace("scene", "new")), { varies: true }),
  plain("Database.ensure, existing", ({ db }) => Database.ensure(db)),
  plain("Database.delete", ({ target }) => Database.delete(target)),
  plain("Database.exists", ({ db }) => Database.exists(db)),
  plain("Database.exists, missing", ({ db }) => Database.exists(db.replace("scene", "new"))),
  plain("Database.info", ({ db }) => Database.info(db), { varies: true }),
  plain("Database.security", ({ db }) => Database.security(db)),
  plain("Database.setSecurity", ({ db }) =>
    Database.setSecurity(db, {
      admins: { names: [], roles: ["keepers"] },
      members: { names: [], roles: ["keepers"] }
    })),
  plain("Database.compact", ({ db }) => Database.compact(db)),
  plain("Database.compactViews", ({ db }) => Database.compactViews(db, "d")),
  plain("Database.cleanUpViews", ({ db }) => Database.cleanUpViews(db)),
  plain("Database.ensureFullCommit", ({ db }) => Database.ensureFullCommit(db)),
  plain("Database.purge", ({ db }) => Database.purge(db, { b: [String(rev(1, "b"))] })),
  plain("Database.missingRevisions", ({ db }) => Database.missingRevisions(db, { a: [String(rev(1, "a")), "9-x"] })),
  plain(
    "Database.revisionsDifference",
    ({ db }) => Database.revisionsDifference(db, { a: [String(rev(1, "a"))], b: ["9-x"] })
  ),
  plain(
    "Database.revisionsDifference, nothing missing",
    ({ db }) => Database.revisionsDifference(db, { a: [String(rev(1, "a"))] })
  ),
  plain("Database.revisionsLimit", ({ db }) => Database.revisionsLimit(db)),
  plain("Database.setRevisionsLimit", ({ db }) => Database.setRevisionsLimit(db, 77)),
  plain("Database.purgedInfosLimit", ({ db }) => Database.purgedInfosLimit(db)),
  plain("Database.setPurgedInfosLimit", ({ db }) => Database.setPurgedInfosLimit(db, 77)),
  plain("Database.purgedInfos", ({ db }) => Database.purgedInfos(db)),
  plain("Database.shards", ({ db }) => Database.shards(db)),
  plain("Database.shardOf", ({ db }) => Database.shardOf(db, "a")),
  plain("Database.syncShards", ({ db }) => Database.syncShards(db)),
  plain("DesignDocument.deployed", ({ db }) => DesignDocument.deployed(db, "d"), { varies: true }),
  plain("DesignDocument.deployed, missing", ({ db }) => DesignDocument.deployed(db, "nothing")),
  plain("DesignDocument.deploy", ({ db }) =>
    DesignDocument.deploy(
      db,
      DesignDocument.make("new", {
        views: { byText: DesignDocument.view({ map: "function (doc) { emit(doc.text) }" }) }
      })
    ), { varies: true }),
  plain("DesignDocument.deploy, a change", ({ db }) =>
    DesignDocument.deploy(
      db,
      DesignDocument.make("d", {
        views: { byText: DesignDocument.view({ map: "function (doc) { emit(doc.text) }" }) }
      })
    ), { varies: true }),
  plain("DesignDocument.compare", ({ db }) =>
    DesignDocument.compare(
      db,
      DesignDocument.make("d", {
        views: { byText: DesignDocument.view({ map: "function (doc) { emit(doc.text) }" }) }
      })
    )),
  plain("DesignDocument.delete", ({ db }) => DesignDocument.delete(db, "d"), { varies: true }),
  plain("DesignDocument.info", ({ db }) => DesignDocument.info(db, "d"), { varies: true }),
  plain("Functions.update", ({ db }) => Functions.update(db, counting, undefined, { id: "a" })),
  plain("Functions.show", ({ db }) => Functions.show(db, card, undefined, { id: "a" })),
  plain("Functions.list", ({ db }) => Functions.list(db, listing, byN)),
  plain("Functions.rewrite", ({ db }) => Functions.rewrite(db, "d", "doc/a"), { varies: true, needs: "CouchDB" }),
  plain("Mango.find", ({ notes }) => Mango.find(notes, { selector: { n: { $gte: 10 } } })),
  plain("Mango.stream", ({ notes }) => collected(Mango.stream(notes, { selector: { n: { $gte: 10 } } }))),
  plain("Mango.streamEither", ({ notes }) => collected(Mango.streamEither(notes, { selector: { n: { $gte: 10 } } }))),
  plain("Mango.streamValid", ({ notes }) => collected(Mango.streamValid(notes, { selector: { n: { $gte: 10 } } }))),
  plain("Mango.explain", ({ notes }) => Mango.explain(notes, { selector: { n: { $gte: 10 } } }), { varies: true }),
  plain("Mango.createIndex", ({ notes }) => Mango.createIndex(notes, { fields: ["n"], design: "i", name: "i" }), {
    varies: true
  }),
  plain("Mango.indexes", ({ notes }) => Mango.indexes(notes)),
  operation("Mango.deleteIndex", ({ notes }) => Mango.createIndex(notes, { fields: ["n"], design: "i", name: "i" }), ({
    notes
  }) => Mango.deleteIndex(notes, { design: "i", name: "i" })),
  plain("Replication.run", succeeding, { settle: succeeding, varies: true }),
  operation("Replication.run, again", succeeding, succeeding, { settle: succeeding, varies: true }),
  plain(
    "Replication.replicate, live",
    (fixture) =>
      Effect.flatMap(
        sides(fixture),
        ([source, target]) =>
          Replication.replicate(source, target, { batch: 3, live: true, retry: Schedule.spaced("2 seconds") }).pipe(
            Stream.takeUntil(({ caughtUp }) => caughtUp),
            collected
          )
      ),
    { settle: succeeding, varies: true, endless: true }
  ),
  plain("Replication.define", (fixture) => Replication.define(fixture.user, definition(fixture)), {
    settle: removed,
    needs: "HTTP"
  }),
  operation("Replication.remove", completed, (fixture) => Replication.remove(fixture.user), {
    settle: removed,
    needs: "HTTP"
  }),
  operation("Replication.status", completed, (fixture) => Replication.status(fixture.user), {
    settle: removed,
    varies: true,
    needs: "HTTP"
  }),
  operation("Replication.progress", completed, (fixture) => collected(Replication.progress(fixture.user)), {
    settle: removed,
    varies: true,
    needs: "HTTP"
  }),
  plain("Replication.once", (fixture) => Replication.once(definition(fixture)), { varies: true, needs: "HTTP" }),
  plain("Replication.continuous", (fixture) => Replication.continuous(definition(fixture)), {
    settle: (fixture) => Effect.ignore(Replication.cancel(definition(fixture))),
    varies: true,
    needs: "HTTP"
  }),
  operation(
    "Replication.cancel",
    (fixture) => Replication.continuous(definition(fixture)),
    (fixture) => Replication.cancel(definition(fixture)),
    { settle: (fixture) => Effect.ignore(Replication.cancel(definition(fixture))), needs: "HTTP" }
  ),
  plain("Replication.statuses", () => collected(Replication.statuses), { varies: true }),
  plain("Replication.jobs", () => collected(Replication.jobs), { varies: true }),
  plain(
    "Replication.checkpointId",
    ({ db, target }) =>
      Replication.checkpointId({ source: `http://127.0.0.1:5984/${db}`, target: `http://127.0.0.1:5984/${target}` }),
    { varies: true }
  ),
  plain("Search.fetch", ({ notes }) => Search.fetch(notes, searched, { query: "x" })),
  plain("Search.stream", ({ notes }) => collected(Search.stream(notes, searched, { query: "x" }))),
  plain("Search.streamEither", ({ notes }) => collected(Search.streamEither(notes, searched, { query: "x" }))),
  plain("Search.streamValid", ({ notes }) => collected(Search.streamValid(notes, searched, { query: "x" }))),
  plain(
    "Search.groups",
    ({ notes }) => Search.groups(notes, grouped, { query: "x", groupField: "text" })
  ),
  plain("Search.info", ({ db }) => Search.info(db, grouped)),
  plain("Search.analyze", () => Search.analyze("Clouseau", "standard", "a text")),
  plain("Server.info", () => Server.info),
  plain("Server.up", () => Server.up),
  plain("Server.uuids", () => Server.uuids(2), { varies: true }),
  plain("Server.databases", () => Server.databases(), { varies: true }),
  plain("Server.streamDatabases", () => collected(Server.streamDatabases), { varies: true }),
  plain("Server.databaseInfos", ({ db }) => Server.databaseInfos([db]), { varies: true }),
  plain("Server.streamDatabaseInfos", () => collected(Server.streamDatabaseInfos), { varies: true }),
  plain("Server.longpollUpdates", () => Server.longpollUpdates({ timeout: "1 second" }), { varies: true }),
  plain("Server.continuousUpdates", () => collected(Server.continuousUpdates({ limit: 1, timeout: "1 second" })), {
    varies: true
  }),
  plain(
    "Server.followUpdates",
    () => collected(Stream.take(Server.followUpdates({ retry: Schedule.spaced("2 seconds") }), 1)),
    { varies: true, endless: true }
  ),
  plain("Server.updates", () => Server.updates({ limit: 1 }), { varies: true }),
  plain("Server.activeTasks", () => Server.activeTasks, { varies: true }),
  plain("Server.membership", () => Server.membership),
  plain("Server.clusterState", () => Server.clusterState),
  plain("Server.config", () => Server.config(), { varies: true }),
  plain("Server.configSection", () => Server.configSection("couchdb"), { varies: true }),
  plain("Server.configValue", () => Server.configValue("couchdb", "nothing")),
  plain("Server.setConfigValue", ({ user }) => Server.setConfigValue("scene", user, "1"), {
    settle: ({ user }) => Effect.ignore(Server.deleteConfigValue("scene", user)),
    varies: true
  }),
  operation(
    "Server.deleteConfigValue",
    ({ user }) => Server.setConfigValue("scene", user, "1"),
    ({ user }) => Server.deleteConfigValue("scene", user),
    {
      settle: ({ user }) => Effect.ignore(Server.deleteConfigValue("scene", user)),
      varies: true
    }
  ),
  plain("Server.reloadConfig", () => Server.reloadConfig()),
  plain("Server.nodeName", () => Server.nodeName()),
  plain("Server.stats", () => Server.stats(), { varies: true }),
  plain("Server.system", () => Server.system(), { varies: true }),
  plain("Server.versions", () => Server.versions()),
  plain("Server.prometheus", () => Server.prometheus(), { varies: true, needs: "CouchDB" }),
  plain("Server.reshardSummary", () => Server.reshardSummary),
  plain("Server.reshardJobs", () => Server.reshardJobs),
  plain("Server.setUpCluster", () => Server.setUpCluster({ action: "finish_cluster" })),
  plain("Server.setReshardState", () => Server.setReshardState("stopped")),
  plain("Server.reshardJob", () => Server.reshardJob("1")),
  plain("Server.reshardJobState", () => Server.reshardJobState("1")),
  plain("Server.setReshardJobState", () => Server.setReshardJobState("1", "stopped")),
  plain("Server.startReshard", ({ db }) => Server.startReshard({ database: db })),
  plain("Server.removeReshardJob", () => Server.removeReshardJob("1")),
  plain("Session.info", () => Session.info),
  plain("Session.login", ({ user }) => Session.login(user, Redacted.make(userPassword)), { varies: true }),
  plain("Session.logout", () => Session.logout),
  plain("User.create", ({ user }) => User.create(`${user}-new`, Redacted.make("another password")), {
    settle: ({ user }) => Effect.ignore(User.delete(`${user}-new`))
  }),
  plain("User.fetch", ({ user }) => User.fetch(user)),
  plain("User.fetchOption, missing", () => User.fetchOption("nobody")),
  plain("User.changePassword", ({ user }) => User.changePassword(user, Redacted.make("another password"))),
  plain("User.updateRoles", ({ user }) => User.updateRoles(user, (roles) => [...roles, "feeders"])),
  plain("User.delete", ({ user }) => User.delete(user)),
  plain("View.fetch", ({ notes }) => View.fetch(notes, byN)),
  plain("View.fetch, all documents", ({ notes }) => View.fetch(notes, View.allDocs)),
  plain("View.stream", ({ notes }) => collected(View.stream(notes, byN))),
  plain("View.streamEither", ({ notes }) => collected(View.streamEither(notes, byN))),
  plain("View.streamValid", ({ notes }) => collected(View.streamValid(notes, byN))),
  plain("View.pages", ({ notes }) => collected(View.pages(notes, byN, { pageSize: 2 }))),
  plain("View.queries", ({ notes }) => View.queries(notes, byN, [{ key: 10 }, { key: 20 }])),
  plain("View.reduce", ({ notes }) => View.reduce(notes, countOfN))
]
