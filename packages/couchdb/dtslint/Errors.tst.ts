import type { Either, Stream } from "effect"
import { Effect, Schema } from "effect"
import type { CouchError, DesignDocument, LocalDocument, User } from "effect-couchdb"
import {
  Attachment,
  Auth,
  Bulk,
  Changes,
  Collection,
  Conflict,
  CouchHttp,
  Database,
  Document,
  Functions,
  Lineage,
  Mango,
  Merge,
  Replication,
  Revision,
  Search,
  Server,
  Session,
  SiblingPolicy,
  View
} from "effect-couchdb"
import { describe, expect, test } from "tstyche"

/** The error type of an effect or a stream; `never` for anything else. */
type Of<A> = [A] extends [Effect.Effect<unknown, infer E, never>] ? { readonly fails: E }
  : [A] extends [Effect.Effect<unknown, infer E, unknown>] ? { readonly fails: E }
  : [A] extends [Stream.Stream<unknown, infer E, unknown>] ? { readonly fails: E }
  : undefined

type Result<F> = F extends (...args: never) => infer A ? Of<A> : Of<F>

/** What each operation of a module fails with, those left out that take its error from their caller. */
type Failures<Module, Left extends keyof Module = never> = {
  readonly [K in keyof Module as K extends Left ? never : Result<Module[K]> extends undefined ? never : K]: Result<
    Module[K]
  > extends { readonly fails: infer E } ? E : never
}

type Asked = CouchError.NotFoundError | CouchError.RequestError
type Named = Asked | CouchError.InvalidIdError
type Told = Named | CouchError.EncodeError
type Read = Named | CouchError.DecodeError

interface Butterfly {
  readonly name: string
}
declare const Butterfly: Schema.Schema<Butterfly>
declare const failing: <A>() => Stream.Stream<A, "mine">
const zoo = Collection.make("zoo", Butterfly)
type Doc = Document.Document<Butterfly>

describe("what operations fail with", () => {
  test("Database: every operation names a database, and nobody else's conflict shows", () => {
    expect<Failures<typeof Database>>().type.toBe<{
      readonly create: Named
      readonly ensure: Named
      readonly delete: Named
      readonly exists: CouchError.InvalidIdError | CouchError.RequestError
      readonly info: Named
      readonly security: Named
      readonly setSecurity: Told
      readonly compact: Named
      readonly compactViews: Named
      readonly cleanUpViews: Named
      readonly ensureFullCommit: Named
      readonly purge: Named
      readonly missingRevisions: Named
      readonly revisionsDifference: Named
      readonly revisionsLimit: Named
      readonly setRevisionsLimit: Named
      readonly purgedInfosLimit: Named
      readonly setPurgedInfosLimit: Named
      readonly purgedInfos: Named
      readonly shards: Named
      readonly shardOf: Named
      readonly syncShards: Named
      readonly partitionInfo: Named
    }>()
  })

  test("Server: nothing that a name could be wrong for, but for what a checkpoint fails with", () => {
    expect<Failures<typeof Server, "followUpdates">>().type.toBe<{
      readonly info: Asked
      readonly up: CouchError.RequestError
      readonly uuids: Asked
      readonly databases: Asked
      readonly streamDatabases: Asked
      readonly databaseInfos: Asked
      readonly streamDatabaseInfos: Asked
      readonly updates: Asked
      readonly longpollUpdates: Asked
      readonly continuousUpdates: Asked
      readonly activeTasks: Asked
      readonly membership: Asked
      readonly clusterState: Asked
      readonly setUpCluster: Asked
      readonly config: Asked
      readonly configSection: Asked
      readonly configValue: Asked
      readonly setConfigValue: Asked
      readonly deleteConfigValue: Asked
      readonly reloadConfig: Asked
      readonly nodeName: Asked
      readonly stats: Asked
      readonly system: Asked
      readonly versions: Asked
      readonly prometheus: Asked
      readonly reshardSummary: Asked
      readonly setReshardState: Asked
      readonly reshardJobs: Asked
      readonly reshardJob: Asked
      readonly reshardJobState: Asked
      readonly setReshardJobState: Asked
      readonly startReshard: Asked
      readonly removeReshardJob: Asked
    }>()
    expect<Result<typeof followed>>().type.toBe<{ readonly fails: Asked }>()
    expect<Result<typeof checkpointed>>().type.toBe<{ readonly fails: Asked | "mine" }>()
    expect<Result<typeof hooked>>().type.toBe<{ readonly fails: Asked | "mine" | "hook" }>()
  })

  test("Session and User", () => {
    expect<Failures<typeof Session>>().type.toBe<{
      readonly info: Asked
      readonly login: Asked
      readonly logout: Asked
    }>()
    expect<Failures<typeof User>>().type.toBe<{
      readonly create: Told | CouchError.UpdateConflictError
      readonly fetch: Named
      readonly fetchOption: Named
      readonly changePassword: Told | CouchError.UpdateConflictError
      readonly updateRoles: Told | CouchError.UpdateConflictError
      readonly delete: Told | CouchError.UpdateConflictError
    }>()
  })

  test("Replication: by the server and by this program", () => {
    type Defined = Named | CouchError.UpdateConflictError
    const byProgram = {
      replicate: Replication.replicate(here, there, { live: true }),
      replicateHooked: Replication.replicate(here, there, { live: true, onReconnect }),
      run: Replication.run(here, there),
      runHooked: Replication.run(here, there, { onReconnect })
    }
    expect<Failures<typeof byProgram>>().type.toBe<{
      readonly replicate: Named
      readonly replicateHooked: Named | "hook"
      readonly run: Named
      readonly runHooked: Named | "hook"
    }>()
    expect<Failures<Omit<typeof Replication, keyof typeof byProgram>>>().type.toBe<{
      readonly once: Asked
      readonly continuous: Asked
      readonly cancel: Asked
      readonly define: Defined
      readonly remove: Defined
      readonly checkpointId: Asked
      readonly jobs: Asked
      readonly statuses: Asked
      readonly status: Named
      readonly progress: Named | CouchError.ReplicationFailedError
    }>()
    expect(Replication.run(here, there)).type.toBe<
      Effect.Effect<Replication.Progress, Replication.ReplicateError>
    >()
    expect<Replication.Failure["error"]>().type.toBe<CouchError.HttpError>()
    expect(Replication.run).type.not.toBeCallableWith(here, there, { live: true })
  })

  test("DesignDocument and Functions: those that write may meet another writer", () => {
    expect<Failures<typeof DesignDocument>>().type.toBe<{
      readonly deployed: Named
      readonly compare: Named
      readonly deploy: Named | CouchError.UpdateConflictError
      readonly delete: Named | CouchError.UpdateConflictError
      readonly info: Named
    }>()
    expect<Failures<typeof Functions>>().type.toBe<{
      readonly update: Told | CouchError.DecodeError | CouchError.UpdateConflictError
      readonly show: Told | CouchError.DecodeError
      readonly list: Told | CouchError.DecodeError
      readonly rewrite: Named | CouchError.UpdateConflictError
    }>()
  })

  test("LocalDocument: no conflict is one", () => {
    expect<Failures<typeof LocalDocument>>().type.toBe<{
      readonly fetch: Read
      readonly fetchOption: Read
      readonly save: Told
      readonly delete: Named
    }>()
  })

  test("Attachment: reads verify, writes meet others, and the bytes fail as they do", () => {
    type Verified = Named | CouchError.IntegrityError
    expect<Failures<typeof Attachment, "put" | "save" | "delete">>().type.toBe<{
      readonly info: Named
      readonly get: Verified
      readonly open: Named
      readonly fetchAll: Verified | CouchError.DecodeError
    }>()
    const bytes = failing<Uint8Array>()
    const file = { contentType: "image/png", bytes }
    type Local = CouchError.UnsavedChangesError | CouchError.UnsavedDocumentError
    expect<Result<typeof removed>>().type.toBe<{
      readonly fails: Verified | Local | CouchError.ConflictError<Butterfly>
    }>()
    const put = Attachment.put(doc, "x", file)
    expect<Of<typeof put>>().type.toBe<{
      readonly fails: Verified | Local | CouchError.ConflictError<Butterfly> | "mine"
    }>()
    const saved = Attachment.save(doc, { x: file })
    expect<Of<typeof saved>>().type.toBe<{
      readonly fails: Verified | CouchError.EncodeError | CouchError.ConflictError<Butterfly> | "mine"
    }>()
  })

  test("Bulk: what one document fails with is its own, and the rest is of the request", () => {
    const save = Bulk.save([doc])
    expect(save).type.toBe<
      Effect.Effect<
        ReadonlyArray<Either.Either<Doc, Document.SaveError<Butterfly>>>,
        never,
        CouchHttp.CouchHttp
      >
    >()
    const fetched = Bulk.fetch(zoo, ["a"])
    expect<Of<typeof fetched>>().type.toBe<{ readonly fails: Asked }>()
    const streamed = failing<Doc>().pipe(Bulk.saveStream())
    expect<Of<typeof streamed>>().type.toBe<{ readonly fails: "mine" }>()
    const read = failing<string>().pipe(Bulk.fetchStream(zoo))
    expect<Of<typeof read>>().type.toBe<{ readonly fails: Asked | "mine" }>()
    const all = {
      delete: Bulk.delete([doc]),
      deleteStream: failing<Doc>().pipe(Bulk.deleteStream()),
      fetchRevisions: Bulk.fetchRevisions(zoo, []),
      insert: Bulk.insert("zoo", []),
      insertStream: failing<Bulk.Version>().pipe(Bulk.insertStream("zoo")),
      resolveWith: save.pipe(Bulk.resolveWith(Conflict.overwrite)),
      resolveStreamWith: streamed.pipe(Bulk.resolveStreamWith(Conflict.overwrite))
    }
    expect<Failures<typeof all>>().type.toBe<{
      readonly delete: never
      readonly deleteStream: "mine"
      readonly fetchRevisions: Asked
      readonly insert: never
      readonly insertStream: "mine"
      readonly resolveWith: never
      readonly resolveStreamWith: "mine"
    }>()
    type Row<E> = Either.Either<Document.Tombstone<Butterfly>, E>
    type Rows<E> = Effect.Effect<ReadonlyArray<Row<E>>, never, CouchHttp.CouchHttp>
    type Unkept = Document.DeleteError<Butterfly>
    expect(Bulk.delete([doc], { rows: 1 })).type.toBe<Rows<Unkept>>()
    expect(Bulk.delete([doc], { keep: ["name"] })).type.toBe<Rows<Unkept | CouchError.EncodeError>>()
    expect(Bulk.delete([doc], { keep: ({ name }) => ({ name }) })).type.toBe<Rows<Unkept | CouchError.EncodeError>>()
    const keeping = failing<Doc>().pipe(Bulk.deleteStream({ keep: ["name"] }))
    expect(keeping).type.toBe<Stream.Stream<Row<Unkept | CouchError.EncodeError>, "mine", CouchHttp.CouchHttp>>()
    const byFunction = failing<Doc>().pipe(Bulk.deleteStream({ keep: ({ name }: Butterfly) => ({ name }) }))
    expect(byFunction).type.toBe<typeof keeping>()
    expect<Bulk.FetchError>().type.toBe<Read>()
    expect<Bulk.SaveError<Butterfly>>().type.toBe<Told | CouchError.ConflictError<Butterfly>>()
    expect<Bulk.DeleteError<Butterfly>>().type.toBe<
      | Named
      | CouchError.UnsavedChangesError
      | CouchError.UnsavedDocumentError
      | CouchError.ConflictError<Butterfly, never, Document.Tombstone<Butterfly>>
    >()
    expect<Bulk.InsertError>().type.toBe<Named | CouchError.UpdateConflictError>()
  })

  test("Changes: a bad document fails a feed of documents alone, unless it is a value or left out", () => {
    const all = {
      json: Changes.stream("zoo"),
      typed: Changes.stream(zoo),
      either: Changes.streamEither(zoo),
      valid: Changes.streamValid(zoo),
      page: Changes.fetch(zoo),
      longpoll: Changes.longpoll(zoo),
      continuous: Changes.continuous(zoo),
      continuousJson: Changes.continuous("zoo"),
      follow: Changes.follow(zoo),
      followEither: Changes.followEither(zoo),
      followValid: Changes.followValid(zoo),
      followFrom: Changes.follow(zoo, { checkpoint }),
      followHooked: Changes.follow(zoo, { checkpoint, onReconnect, limit: 1 }),
      followHookedJson: Changes.follow("zoo", { onReconnect }),
      process: Changes.process(zoo, () => Effect.fail("handler" as const), { checkpoint }),
      processHooked: Changes.process(zoo, () => Effect.fail("handler" as const), { checkpoint, onReconnect }),
      processJson: Changes.process("zoo", () => Effect.void)
    }
    expect<Failures<typeof all>>().type.toBe<{
      readonly json: Named
      readonly typed: Read
      readonly either: Named
      readonly valid: Named
      readonly page: Read
      readonly longpoll: Read
      readonly continuous: Read
      readonly continuousJson: Named
      readonly follow: Read
      readonly followEither: Named
      readonly followValid: Named
      readonly followFrom: Read | "mine"
      readonly followHooked: Read | "mine" | "hook"
      readonly followHookedJson: Named | "hook"
      readonly process: Read | "mine" | "handler"
      readonly processHooked: Read | "mine" | "handler" | "hook"
      readonly processJson: Named
    }>()
  })

  test("View, Mango and Search: rows that are not what they should be, as for changes", () => {
    const view = View.make({ design: "d", view: "v", key: Schema.Date })
    const reduced = View.reduced({ design: "d", view: "v", value: Schema.Number })
    const index = Search.nouveau({ design: "d", index: "i" })
    const grouped = Search.clouseau({ design: "d", index: "i" })
    const all = {
      view: View.fetch(zoo, view),
      viewStream: View.stream("zoo", view),
      viewEither: View.streamEither(zoo, view),
      viewValid: View.streamValid(zoo, view),
      viewPages: View.pages(zoo, view),
      queries: View.queries(zoo, view, []),
      reduce: View.reduce(zoo, reduced),
      find: Mango.find(zoo, { selector: {} }),
      findJson: Mango.find("zoo", { selector: {} }),
      findEither: Mango.streamEither(zoo, { selector: {} }),
      findStream: Mango.stream(zoo, { selector: {} }),
      findValid: Mango.streamValid(zoo, { selector: {} }),
      explain: Mango.explain(zoo, { selector: {} }),
      createIndex: Mango.createIndex(zoo, { fields: ["name"] }),
      indexes: Mango.indexes(zoo),
      deleteIndex: Mango.deleteIndex(zoo, { design: "d", name: "i" }),
      search: Search.fetch(zoo, index, { query: "x" }),
      searchStream: Search.stream(zoo, index, { query: "x" }),
      searchEither: Search.streamEither(zoo, index, { query: "x" }),
      searchValid: Search.streamValid(zoo, index, { query: "x" }),
      searchGroups: Search.groups(zoo, grouped, { query: "x", groupField: "f" }),
      searchInfo: Search.info(zoo, index),
      analyze: Search.analyze("Nouveau", "english", "x")
    }
    expect<Failures<typeof all>>().type.toBe<{
      readonly view: Told | CouchError.DecodeError
      readonly viewStream: Told | CouchError.DecodeError
      readonly viewEither: Told
      readonly viewValid: Told
      readonly viewPages: Told | CouchError.DecodeError
      readonly queries: Told | CouchError.DecodeError
      readonly reduce: Told | CouchError.DecodeError
      readonly find: Told | CouchError.DecodeError
      readonly findJson: Told
      readonly findEither: Told
      readonly findStream: Told | CouchError.DecodeError
      readonly findValid: Told
      readonly explain: Told
      readonly createIndex: Told
      readonly indexes: Named
      readonly deleteIndex: Named
      readonly search: Told | CouchError.DecodeError | CouchError.SearchUnavailableError
      readonly searchStream: Told | CouchError.DecodeError | CouchError.SearchUnavailableError
      readonly searchEither: Told | CouchError.SearchUnavailableError
      readonly searchValid: Told | CouchError.SearchUnavailableError
      readonly searchGroups: Told | CouchError.DecodeError | CouchError.SearchUnavailableError
      readonly searchInfo: Told | CouchError.SearchUnavailableError
      readonly analyze: Asked | CouchError.SearchUnavailableError
    }>()
  })

  test("Document: who reads may find nothing, who writes may meet another writer", () => {
    type Saved = Told | CouchError.ConflictError<Butterfly>
    type Unsaved = CouchError.UnsavedDocumentError
    const all = {
      fetch: Document.fetch(zoo, "a"),
      fetchOption: Document.fetchOption(zoo, "a"),
      exists: Document.exists(zoo, "a"),
      info: Document.info(zoo, "a"),
      refresh: Document.refresh(doc),
      revisions: Document.revisions(doc),
      conflicts: Document.conflicts(doc),
      revision: Document.revision(doc),
      save: Document.save(doc),
      create: Document.create(zoo, "a", { name: "x" }),
      copy: Document.copy(doc, "b"),
      delete: Document.delete(doc),
      deleteWith: Document.deleteWith(doc, { keep: ["name"] }),
      update: Document.update(zoo, "a", (body) => body),
      updateEffect: Document.updateEffect(zoo, "a", () => Effect.fail("mine" as const)),
      upsert: Document.upsert(zoo, "a", () => ({ name: "x" }))
    }
    expect<Failures<typeof all>>().type.toBe<{
      readonly fetch: Read
      readonly fetchOption: Read
      readonly exists: CouchError.InvalidIdError | CouchError.RequestError
      readonly info: Named
      readonly refresh: Read | CouchError.UnsavedChangesError | Unsaved
      readonly revisions: Named | Unsaved
      readonly conflicts: Named
      readonly revision: Unsaved
      readonly save: Saved
      readonly create: Saved
      readonly copy: Saved | CouchError.UnsavedChangesError | Unsaved
      readonly delete: Document.DeleteError<Butterfly>
      readonly deleteWith: Document.DeleteError<Butterfly> | CouchError.EncodeError
      readonly update: Saved | CouchError.DecodeError
      readonly updateEffect:
        | Saved
        | CouchError.DecodeError
        | CouchError.ConflictError<Butterfly, never, Document.Tombstone<Butterfly>>
        | "mine"
      readonly upsert: Saved | CouchError.DecodeError
    }>()
  })

  test("Conflict: a sibling that the schema does not read is no failure, and neither is an overlap", () => {
    const merging = Merge.make(Butterfly)
    const asking = SiblingPolicy.merge(merging).pipe(SiblingPolicy.onOverlap(() => Effect.fail("mine" as const)))
    const rev = Revision.make("1-967a00dff5e02add41819138abb3284d")
    const all = {
      siblings: Conflict.siblings(zoo, "a"),
      resolve: Conflict.resolve(zoo, "a", merging),
      resolveAsking: Conflict.resolve(zoo, "a", asking),
      stream: Conflict.stream(zoo),
      sweep: Conflict.sweep(zoo, merging),
      sweepAsking: Conflict.sweep(zoo, asking),
      watch: Conflict.watch(zoo, merging),
      watchFrom: Conflict.watch(zoo, asking, { checkpoint }),
      watchHooked: Conflict.watch(zoo, asking, { checkpoint, onReconnect }),
      buried: Lineage.mergedVersions(zoo, "a"),
      unbury: Lineage.restoreVersion(zoo, "a", rev),
      slim: Lineage.stripTombstones(zoo, "a"),
      erase: Lineage.erase(zoo, "a"),
      lineageWarnings: Lineage.warnings(zoo)
    }
    expect<Failures<typeof all>>().type.toBe<{
      readonly siblings: Named
      readonly resolve: Named
      readonly resolveAsking: Named | "mine"
      readonly stream: Asked
      readonly sweep: Asked
      readonly sweepAsking: Asked | "mine"
      readonly watch: Named
      readonly watchFrom: Named | "mine"
      readonly watchHooked: Named | "mine" | "hook"
      readonly buried: Named
      readonly unbury: Read
      readonly slim: Named
      readonly erase: Named
      readonly lineageWarnings: Named
    }>()
  })

  test("all of them are the library's errors, with distinct tags", () => {
    type Each =
      | Told
      | CouchError.DecodeError
      | CouchError.UpdateConflictError
      | CouchError.IntegrityError
      | CouchError.SearchUnavailableError
      | CouchError.ReplicationFailedError
    expect<Each>().type.toBeAssignableTo<CouchError.CouchError>()
    const handled = Effect.catchTags(Database.info("zoo"), {
      NotFoundError: () => Effect.succeed("gone" as const),
      AccountLockedError: () => Effect.succeed("locked" as const)
    })
    expect<Of<typeof handled>>().type.toBe<{
      readonly fails: Exclude<Named, CouchError.NotFoundError | CouchError.AccountLockedError>
    }>()
  })
})

describe("functions of design documents", () => {
  test("take and give what is described, and nothing or a text without", () => {
    const typed = Functions.make({
      design: "d",
      name: "f",
      input: Schema.Struct({ on: Schema.Date }),
      output: Schema.NumberFromString
    })
    expect(typed).type.toBe<Functions.Fn<{ readonly on: Date }, number>>()
    expect(Functions.make({ design: "d", name: "f" })).type.toBe<Functions.Fn<void, string>>()
    expect(Functions.update("zoo", typed, { on: new Date() })).type.toBe<
      Effect.Effect<Functions.Updated<number>, Functions.UpdateError, CouchHttp.CouchHttp>
    >()
    expect(Functions.update).type.not.toBeCallableWith("zoo", typed, { on: "today" })
    expect(Functions.list).type.not.toBeCallableWith("zoo", typed, View.make({ design: "d", view: "v" }))
  })
})

describe("credentials", () => {
  test("of an effect may fail with any error, which the result keeps", () => {
    expect(Auth.jwt).type.toBeCallableWith(Effect.fail("mine"))
    const asked = CouchHttp.withAuth(Session.info, Auth.none)
    expect<Of<typeof asked>>().type.toBe<{ readonly fails: Asked }>()
  })
})

declare const couch: CouchHttp.Service
declare const here: Replication.Endpoint
declare const there: Replication.Endpoint
declare const doc: Doc
declare const checkpoint: Changes.Checkpoint<"mine", never>
const removed = () => Attachment.delete(doc, "x")
const followed = () => Server.followUpdates()
const checkpointed = () => Server.followUpdates({ checkpoint })
const onReconnect = (_: Changes.Reconnect) => Effect.fail("hook" as const)
const hooked = () => Server.followUpdates({ checkpoint, onReconnect })
