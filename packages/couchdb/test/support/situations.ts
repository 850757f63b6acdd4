import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import {
  Attachment,
  Auth,
  Bulk,
  Changes,
  Collection,
  Conflict,
  CouchHttp,
  Database,
  DesignDocument,
  Document,
  Functions,
  LocalDocument,
  Mango,
  Merge,
  Replication,
  Revision,
  Search,
  Server,
  Session,
  Transport,
  User,
  View
} from "effect-couchdb"
import { EmbeddedCouch } from "effect-couchdb-embedded"
import * as JavaScript from "effect-couchdb-embedded/JavaScript"
import { NodeCouchHttp, type NodeTransport } from "effect-couchdb-node"
import * as CouchError from "effect-couchdb/CouchError"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { Scope } from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Servers from "../../../couchdb-node/test/support/servers.js"
import { raw } from "../contract/suite.js"
import { fetchTransport } from "../contract/targets.js"
import { makeResponse, transport } from "./transport.js"

interface Failure {
  readonly _tag: string
  readonly message: string
}

/** What a situation has: databases and users of its own, which are gone when the scope closes. */
export interface Environment {
  /** The name of a database that exists. */
  readonly zoo: string
  /** The name of one that does not. */
  readonly nowhere: string
  /** A name for a user, a replication or another thing that is the server's own. */
  readonly name: string
  /** Runs an effect as a user who is no admin. */
  readonly asAda: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

/**
 * A situation that ends in an error.
 *
 * - `on`: the servers on which it can be had: `any` CouchDB, or the `embedded` one, whose transport or responses it changes
 */
export interface ErrorCase {
  readonly title: string
  readonly on: "any" | "embedded"
  readonly error: (stage: Environment) => Effect.Effect<Failure, unknown, CouchHttp.CouchHttp | Scope>
}

type Fails = (stage: Environment) => Effect.Effect<unknown, unknown, CouchHttp.CouchHttp | Scope>

const isFailure = (error: unknown): error is Failure =>
  typeof error === "object" && error !== null && "_tag" in error && "message" in error

const errorOf = (title: string, effect: ReturnType<Fails>): ReturnType<ErrorCase["error"]> =>
  Effect.matchEffect(effect, {
    onFailure: (error) =>
      isFailure(error) ? Effect.succeed(error) : Effect.fail(`${title}: not an error of the library`),
    onSuccess: () => Effect.fail(`${title}: no error`)
  })

const any = (title: string, fails: Fails): ErrorCase => ({
  title,
  on: "any",
  error: (stage) => errorOf(title, fails(stage))
})

const embedded = (title: string, fails: Fails): ErrorCase => ({
  title,
  on: "embedded",
  error: (stage) => errorOf(title, fails(stage))
})

/** Where the embedded CouchDB is, for the messages. */
const server = "http://127.0.0.1:5984"

const admin = { username: "admin", password: Redacted.make("correct horse") }

/** An embedded CouchDB that runs JavaScript. */
export const embeddedLayer: Layer.Layer<CouchHttp.CouchHttp> = CouchHttp.layer({
  url: server,
  auth: Auth.basic(admin.username, admin.password)
}).pipe(Layer.provide(EmbeddedCouch.layer({ admin, interpreter: JavaScript.make({ timeout: "5 seconds" }) })))

/** A server that gives one response to everything. */
const responding = (response: Transport.BufferedResponse) =>
  Effect.provide(
    CouchHttp.layer({ url: server, retry: "none" }).pipe(
      Layer.provide(Layer.succeed(Transport.Transport, transport(() => Effect.succeed(response))))
    )
  )

const html = (status: number, headers: Readonly<Record<string, string>> = {}) =>
  responding(makeResponse(status, "<html></html>", { "content-type": "text/html", server: "nginx/1.25.3", ...headers }))

/** The error as it would be if the server had the port of the page. */
const withPort = <A, R>(effect: Effect.Effect<A, Failure, R>, port: number): Effect.Effect<A, Failure, R> =>
  Effect.mapError(effect, ({ _tag, message }) => ({ _tag, message: message.replaceAll(`:${port}`, ":5984") }))

const overNode = (options: NodeTransport.Options, url = server, timeout = 10_000) =>
  Effect.provide(NodeCouchHttp.layer({ url, retry: "none", timeout }, options))

const overFetch = (url = server, fetch?: typeof globalThis.fetch) =>
  Effect.provide(
    CouchHttp.layer({ url, retry: "none" }).pipe(
      Layer.provide(
        fetch === undefined
          ? fetchTransport
          : Transport.layerHttpClient().pipe(
            Layer.provide(FetchHttpClient.layer),
            Layer.provide(Layer.succeed(FetchHttpClient.Fetch, fetch))
          )
      )
    )
  )

/** A write to a server of the test, with a client that trusts the authority of its certificates. */
const toServer = (
  start: Effect.Effect<{ readonly port: number }, never, Scope>,
  scheme: "http" | "https",
  tls: NodeTransport.Options["tls"] = { ca: Servers.pem("root.pem") }
): Effect.Effect<unknown, Failure, Scope> =>
  Effect.flatMap(start, ({ port }) =>
    withPort(
      Document.create(butterflies("zoo"), "monarch", monarch).pipe(overNode({ tls }, `${scheme}://localhost:${port}`)),
      port
    ))

const tcp = (...onConnection: Parameters<typeof Servers.tcp>) =>
  Effect.map(Servers.tcp(...onConnection), (port) => ({ port }))

const Butterfly = Schema.Struct({ name: Schema.String, seen: Schema.Number })
const butterflies = (database: string) => Collection.make(database, Butterfly)
const anything = (database: string) =>
  Collection.make(database, Schema.Record({ key: Schema.String, value: Schema.Unknown }))
const monarch = { name: "Monarch", seen: 1 }
const more = (body: typeof Butterfly.Type) => ({ ...body, seen: body.seen + 1 })

/** A document as it was before somebody else wrote it. */
const outdated = (database: string) =>
  Effect.gen(function*() {
    const old = yield* Document.create(butterflies(database), "monarch", monarch)
    yield* Document.save(Document.modify(old, more))
    return old
  })

/** A design document with a view, a filter and a validation function. */
const design = (database: string) =>
  Document.create(anything(database), "_design/seen", {
    views: { byName: { map: "function (doc) { emit(doc.name, doc.seen) }" } },
    filters: { odd: "function (doc) { return doc.seen % 2 === 1 }" },
    validate_doc_update: "function (doc) { if (doc.seen < 0) throw { forbidden: 'seen must not be negative' }; " +
      "if (doc.seen > 99) throw { unauthorized: 'only keepers count beyond 99' } }"
  })

const member = ({ asAda, zoo }: Environment) =>
  Effect.flatMap(
    asAda(Session.info),
    ({ name }) =>
      Database.setSecurity(zoo, {
        admins: { names: [], roles: ["_admin"] },
        members: { names: Option.toArray(name), roles: [] }
      })
  )

const somewhere = { id: "x", rev: Revision.make("1-967a00dff5e02add41819138abb3284d") }

export const sections: ReadonlyArray<{ readonly title: string; readonly cases: ReadonlyArray<ErrorCase> }> = [
  {
    title: "Users and permissions",
    cases: [
      any(
        "a user who is not a server admin creates a database",
        ({ asAda, nowhere }) => asAda(Database.create(nowhere))
      ),
      any(
        "a wrong password",
        ({ name, zoo }) => CouchHttp.withAuth(Database.info(zoo), Auth.basic(name, Redacted.make("not the password")))
      ),
      any("no credentials", ({ zoo }) => CouchHttp.withAuth(Database.info(zoo), Auth.none)),
      any(
        "no credentials for an endpoint that needs a user",
        ({ zoo }) => CouchHttp.withAuth(Replication.once({ source: zoo, target: zoo }), Auth.none)
      ),
      any(
        "a user who is not a member of the database",
        ({ asAda, zoo }) => asAda(Document.fetch(butterflies(zoo), "monarch"))
      ),
      any(
        "a member writes a design document",
        (stage) => Effect.zipRight(member(stage), stage.asAda(design(stage.zoo)))
      ),
      any("a member changes the security object", (stage) =>
        Effect.zipRight(
          member(stage),
          stage.asAda(Database.setSecurity(stage.zoo, {
            admins: { names: [], roles: [] },
            members: { names: [], roles: [] }
          }))
        )),
      any(
        "a member changes a limit of the database",
        (stage) => Effect.zipRight(member(stage), stage.asAda(Database.setRevisionsLimit(stage.zoo, 10)))
      ),
      any(
        "a member compacts the database",
        (stage) => Effect.zipRight(member(stage), stage.asAda(Database.compact(stage.zoo)))
      ),
      any(
        "a member creates an index",
        (stage) => Effect.zipRight(member(stage), stage.asAda(Mango.createIndex(stage.zoo, { fields: ["name"] })))
      ),
      any(
        "a validation function forbids a document",
        ({ zoo }) =>
          Effect.zipRight(design(zoo), Document.create(butterflies(zoo), "monarch", { name: "Monarch", seen: -1 }))
      ),
      any(
        "a validation function requires another user",
        ({ zoo }) =>
          Effect.zipRight(design(zoo), Document.create(butterflies(zoo), "monarch", { name: "Monarch", seen: 100 }))
      ),
      any("a validation function forbids a document of a bulk request", ({ zoo }) =>
        Effect.gen(function*() {
          yield* design(zoo)
          const results = yield* Bulk.save([
            Document.make(butterflies(zoo), "monarch", monarch),
            Document.make(butterflies(zoo), "peacock", { name: "Peacock", seen: -1 })
          ])
          return yield* results[1] as Either.Either<unknown, unknown>
        })),
      any(
        "a document of `_users` that CouchDB does not accept",
        ({ name }) => Document.create(anything("_users"), `org.couchdb.user:${name}`, { type: "visitor" })
      ),
      any(
        "a password that is not a string",
        ({ name }) =>
          Document.create(anything("_users"), `org.couchdb.user:${name}`, {
            name,
            type: "user",
            roles: [],
            password: 12345678
          })
      ),
      any(
        "the security object of `_users`",
        () => Database.setSecurity("_users", { admins: { names: [], roles: [] }, members: { names: [], roles: [] } })
      ),
      embedded(
        "a token that has expired",
        ({ zoo }) =>
          responding(makeResponse(401, { error: "unauthorized", reason: "exp not in future" }))(Database.info(zoo))
      ),
      embedded(
        "a token whose signature the server does not know",
        ({ zoo }) => responding(makeResponse(400, { error: "bad_request", reason: "Bad HMAC" }))(Database.info(zoo))
      ),
      embedded("a user who is neither a server admin nor a metrics user", () =>
        responding(
          makeResponse(401, { error: "unauthorized", reason: "You are not a server admin or read-only metrics user" })
        )(Server.stats())),
      embedded("an account that is locked", ({ zoo }) =>
        responding(
          makeResponse(403, {
            error: "forbidden",
            reason: "Account is temporarily locked due to multiple authentication failures"
          })
        )(Database.info(zoo))),
      any("a user who exists already", ({ name }) =>
        Effect.acquireRelease(
          User.create(name, Redacted.make("a secret")),
          () => Effect.ignore(User.delete(name))
        ).pipe(Effect.zipRight(User.create(name, Redacted.make("another secret"))))),
      any("a user who does not exist", ({ name }) => User.fetch(name)),
      any("the deletion of a user who does not exist", ({ name }) => User.delete(name))
    ]
  },
  {
    title: "Documents",
    cases: [
      any("a document that does not exist", ({ zoo }) => Document.fetch(butterflies(zoo), "monarch")),
      any("a document that was deleted", ({ zoo }) =>
        Effect.gen(function*() {
          yield* Document.delete(yield* Document.create(butterflies(zoo), "monarch", monarch))
          return yield* Document.fetch(butterflies(zoo), "monarch")
        })),
      any("a revision that is not stored", ({ zoo }) =>
        Effect.zipRight(
          Document.create(butterflies(zoo), "monarch", monarch),
          Document.fetch(butterflies(zoo), "monarch", { rev: somewhere.rev })
        )),
      any(
        "a document of a database that does not exist",
        ({ nowhere }) => Document.fetch(butterflies(nowhere), "monarch")
      ),
      any("the revision of a document that does not exist", ({ zoo }) => Document.info(butterflies(zoo), "monarch")),
      any("one of several documents does not exist", ({ zoo }) =>
        Effect.flatMap(
          Bulk.fetch(butterflies(zoo), ["monarch"]),
          ([result]) => result as Either.Either<unknown, unknown>
        )),
      any(
        "`Document.update` of a document that does not exist",
        ({ zoo }) => Document.update(butterflies(zoo), "monarch", more)
      ),
      any("`Document.create` of a document that exists", ({ zoo }) =>
        Effect.zipRight(
          Document.create(butterflies(zoo), "monarch", monarch),
          Document.create(butterflies(zoo), "monarch", { name: "Another", seen: 0 })
        )),
      any("`Document.save` of a new document that exists", ({ zoo }) =>
        Effect.zipRight(
          Document.create(butterflies(zoo), "monarch", monarch),
          Document.save(Document.make(butterflies(zoo), "monarch", { name: "Another", seen: 0 }))
        )),
      any(
        "`Document.save` of a document that another client changed",
        ({ zoo }) =>
          Effect.flatMap(outdated(zoo), (old) => Document.save(Document.modify(old, () => ({ name: "M", seen: 5 }))))
      ),
      any(
        "`Document.delete` of a document that another client changed",
        ({ zoo }) => Effect.flatMap(outdated(zoo), Document.delete)
      ),
      any("`Document.copy` to a document that exists", ({ zoo }) =>
        Effect.gen(function*() {
          yield* Document.create(butterflies(zoo), "peacock", { name: "Peacock", seen: 0 })
          return yield* Document.copy(yield* Document.create(butterflies(zoo), "monarch", monarch), "peacock")
        })),
      any("`Document.copy` of a document that no longer exists", ({ zoo }) =>
        Effect.gen(function*() {
          const doc = yield* Document.create(butterflies(zoo), "monarch", monarch)
          yield* Database.delete(zoo)
          yield* Database.create(zoo)
          return yield* Document.copy(doc, "peacock")
        })),
      any("`Bulk.save` of a document that another client changed", ({ zoo }) =>
        Effect.gen(function*() {
          const old = yield* outdated(zoo)
          const [result] = yield* Bulk.save([Document.modify(old, () => ({ name: "M", seen: 5 }))])
          return yield* result as Either.Either<unknown, unknown>
        })),
      any("`Attachment.put` to a document that another client changed", ({ zoo }) =>
        Effect.flatMap(
          outdated(zoo),
          (old) => Attachment.put(old, "wings.txt", { bytes: "orange", contentType: "text/plain" })
        )),
      any("edits of both sides that do not merge", ({ zoo }) =>
        Effect.gen(function*() {
          const old = yield* outdated(zoo)
          const policy = Conflict.merge(Merge.make(Butterfly))
          return yield* Document.save(Document.modify(old, (body) => ({ ...body, seen: 7 }))).pipe(
            Effect.catchTag("ConflictError", (error) => policy(error))
          )
        })),
      any("a local document that does not exist", ({ zoo }) => LocalDocument.fetch(butterflies(zoo), "monarch")),
      any("an attachment that the document does not have", ({ zoo }) =>
        Effect.gen(function*() {
          const doc = yield* Document.create(butterflies(zoo), "monarch", monarch)
          const both = yield* Attachment.save(doc, {
            "eggs.txt": { bytes: "white", contentType: "text/plain" },
            "wings.txt": { bytes: "orange", contentType: "text/plain" }
          })
          return yield* Stream.runDrain(Attachment.get(both, "legs.txt"))
        })),
      any("an attachment of a document that has none", ({ zoo }) =>
        Effect.flatMap(
          Document.create(butterflies(zoo), "monarch", monarch),
          (doc) => Stream.runDrain(Attachment.get(doc, "legs.txt"))
        )),
      any("an attachment that does not exist, by the id of its document", ({ zoo }) =>
        Effect.zipRight(
          Document.create(butterflies(zoo), "monarch", monarch),
          Stream.runDrain(Attachment.get(Attachment.at(butterflies(zoo), "monarch"), "legs.txt"))
        )),
      any(
        "an attachment of a document that does not exist",
        ({ zoo }) => Stream.runDrain(Attachment.get(Attachment.at(butterflies(zoo), "monarch"), "legs.txt"))
      ),
      any(
        "the headers of an attachment that does not exist",
        ({ zoo }) => Attachment.info(Attachment.at(butterflies(zoo), "monarch"), "legs.txt")
      ),
      any(
        "the stub of an attachment that the server does not have",
        ({ zoo }) =>
          raw("PUT", `/${zoo}/monarch`, { _attachments: { "legs.txt": { stub: true, content_type: "text/plain" } } })
      ),
      any(
        "a document that is too large",
        ({ zoo }) => Document.create(anything(zoo), "monarch", { text: "x".repeat(9_000_000) })
      )
    ]
  },
  {
    title: "Bodies and names",
    cases: [
      any("`_id` in a body", ({ zoo }) => Document.create(anything(zoo), "monarch", { _id: "monarch" })),
      any("`_rev` in a body", ({ zoo }) => Document.create(anything(zoo), "monarch", { _rev: somewhere.rev })),
      any("`_attachments` in a body", ({ zoo }) => Document.create(anything(zoo), "monarch", { _attachments: {} })),
      any("`_deleted` in a body", ({ zoo }) => Document.create(anything(zoo), "monarch", { _deleted: true })),
      any(
        "another name with an underscore in a body",
        ({ zoo }) => Document.create(anything(zoo), "monarch", { _private: 1 })
      ),
      any(
        "a name with an underscore in the body of a raw request",
        ({ zoo }) => raw("PUT", `/${zoo}/monarch`, { _private: 1 })
      ),
      any("`_id` and `_rev` in a schema", ({ zoo }) =>
        Effect.zipRight(
          Document.create(butterflies(zoo), "monarch", monarch),
          Document.fetch(Collection.make(zoo, Schema.Struct({ _id: Schema.String, _rev: Schema.String })), "monarch")
        )),
      any("a `Date` in a body", ({ zoo }) => Document.create(anything(zoo), "monarch", { seen: new Date(0) })),
      any("a `Set` in a body", ({ zoo }) => Document.create(anything(zoo), "monarch", { tags: new Set(["orange"]) })),
      any("an `Option` in a body", ({ zoo }) => Document.create(anything(zoo), "monarch", { seen: Option.some(1) })),
      any("`NaN` in a body", ({ zoo }) => Document.create(butterflies(zoo), "monarch", { name: "Monarch", seen: NaN })),
      any("`undefined` in a list", ({ zoo }) => Document.create(anything(zoo), "monarch", { tags: [undefined] })),
      any("a function in a body", ({ zoo }) => Document.create(anything(zoo), "monarch", { fly: () => 1 })),
      any("a document that does not match its schema", ({ zoo }) =>
        Effect.zipRight(
          Document.create(anything(zoo), "monarch", { name: "Monarch", seen: "often" }),
          Document.fetch(butterflies(zoo), "monarch")
        )),
      any("a row of a view that does not match its schema", ({ zoo }) =>
        Effect.gen(function*() {
          yield* design(zoo)
          yield* Document.create(anything(zoo), "monarch", { name: "Monarch", seen: "often" })
          const view = View.make({ design: "seen", view: "byName", key: Schema.String, value: Schema.Number })
          return yield* View.fetch(zoo, view)
        })),
      any("a document in a stream that does not match its schema", ({ zoo }) =>
        Effect.zipRight(
          Document.create(anything(zoo), "monarch", { name: "Monarch", seen: "often" }),
          Stream.runDrain(View.stream(butterflies(zoo), View.allDocs))
        )),
      any("a name that is not valid for a database", () => Database.create("Zoo")),
      any("an id that is empty", ({ zoo }) => Document.fetch(butterflies(zoo), "")),
      any("an id that begins with an underscore", ({ zoo }) => Document.fetch(butterflies(zoo), "_monarch")),
      any("a name of a view that is empty", ({ zoo }) => View.fetch(zoo, View.make({ design: "seen", view: "" }))),
      any("a name of a user that is empty", () => User.fetch("")),
      any("`Document.refresh` of a document with edits", ({ zoo }) =>
        Effect.flatMap(
          Document.create(butterflies(zoo), "monarch", monarch),
          (doc) => Document.refresh(Document.modify(doc, more))
        )),
      any(
        "`Document.delete` of a document that was never saved",
        ({ zoo }) => Document.delete(Document.make(butterflies(zoo), "monarch", monarch))
      )
    ]
  },
  {
    title: "Databases, views and queries",
    cases: [
      any("`Database.create` of a database that exists", ({ zoo }) => Database.create(zoo)),
      any("`Database.delete` of a database that does not exist", ({ nowhere }) => Database.delete(nowhere)),
      any("`Database.info` of a database that does not exist", ({ nowhere }) => Database.info(nowhere)),
      any("a partition of a database that has none", ({ zoo }) => Database.partitionInfo(zoo, "europe")),
      any("a document without a partition", ({ nowhere }) =>
        Effect.acquireRelease(
          Database.create(nowhere, { partitioned: true }),
          () => Effect.ignore(Database.delete(nowhere))
        ).pipe(Effect.zipRight(Document.create(butterflies(nowhere), "monarch", monarch)))),
      any(
        "a view that does not exist",
        ({ zoo }) => Effect.zipRight(design(zoo), View.fetch(zoo, View.make({ design: "seen", view: "byColour" })))
      ),
      any(
        "a view of a design document that does not exist",
        ({ zoo }) => View.fetch(zoo, View.make({ design: "colours", view: "byColour" }))
      ),
      any("a view of a design document that was deleted", ({ zoo }) =>
        Effect.gen(function*() {
          yield* Document.delete(yield* design(zoo))
          return yield* View.fetch(zoo, View.make({ design: "seen", view: "byName" }))
        })),
      any(
        "a reduced view without a reduce function",
        ({ zoo }) => Effect.zipRight(design(zoo), View.reduce(zoo, View.reduced({ design: "seen", view: "byName" })))
      ),
      any("a design document that does not exist", ({ zoo }) => DesignDocument.info(zoo, "colours")),
      any("a view whose function does not compile", ({ zoo }) =>
        Effect.mapError(
          Document.create(anything(zoo), "_design/broken", { views: { byName: { map: "function (doc" } } }),
          withoutEngine
        )),
      any(
        "an update function that does not exist",
        ({ zoo }) =>
          Effect.zipRight(
            design(zoo),
            Functions.update(zoo, Functions.make({ design: "seen", name: "sighting" }), undefined)
          )
      ),
      any(
        "a show function of a design document that does not exist",
        ({ zoo }) => Functions.show(zoo, Functions.make({ design: "colours", name: "colour" }), undefined)
      ),
      any("a filter that does not exist", ({ zoo }) =>
        Effect.zipRight(
          design(zoo),
          Changes.fetch(zoo, { filter: { _tag: "Function", design: "seen", name: "even", parameters: {} } })
        )),
      any(
        "a sort that no index covers",
        ({ zoo }) => Mango.find(butterflies(zoo), { selector: { seen: { $gt: 0 } }, sort: ["seen"] })
      ),
      any(
        "an index that does not exist",
        ({ zoo }) => Mango.find(butterflies(zoo), { selector: { seen: 1 }, useIndex: "seen", allowFallback: false })
      ),
      any(
        "a bookmark that is not valid",
        ({ zoo }) => Mango.find(butterflies(zoo), { selector: { seen: 1 }, bookmark: "page 2" })
      ),
      any(
        "the deletion of an index that does not exist",
        ({ zoo }) => Mango.deleteIndex(zoo, { design: "seen", name: "seen" })
      ),
      embedded("a JavaScript view on an embedded CouchDB without an interpreter", ({ zoo }) =>
        Effect.gen(function*() {
          yield* Database.create(zoo)
          yield* design(zoo)
          yield* Document.create(butterflies(zoo), "monarch", monarch)
          return yield* View.fetch(zoo, View.make({ design: "seen", view: "byName" }))
        }).pipe(Effect.provide(
          CouchHttp.layer({ url: server }).pipe(
            Layer.provide(EmbeddedCouch.layer({ functions: { seen: { validate: () => undefined } } }))
          )
        ))),
      embedded(
        "a server without Nouveau",
        ({ zoo }) => Search.fetch(zoo, Search.nouveau({ design: "seen", index: "byName" }), { query: "monarch" })
      )
    ]
  },
  {
    title: "The server and replications",
    cases: [
      any("an endpoint that does not exist", () => raw("GET", "/_wings")),
      any("a resharding job that does not exist", () => Server.reshardJob("001-none")),
      any("an option of the configuration that is not set", () => raw("GET", "/_node/_local/_config/zoo/wings")),
      any(
        "a replication between names instead of URLs",
        ({ name, nowhere, zoo }) => Replication.define(name, { source: nowhere, target: zoo })
      ),
      any("a replication that exists already", ({ name, nowhere, zoo }) => {
        const definition = { source: `${server}/${nowhere}`, target: `${server}/${zoo}` }
        return Effect.acquireRelease(
          Replication.define(name, definition),
          () => Effect.ignore(Replication.remove(name))
        ).pipe(Effect.zipRight(Replication.define(name, definition)))
      }),
      any("a replication that does not exist", ({ name }) => Replication.status(name)),
      any("the cancellation of a replication that is not running", () => Replication.cancel("0123456789abcdef")),
      any(
        "a replication whose source does not exist",
        ({ nowhere, zoo }) => Replication.once({ source: nowhere, target: zoo })
      ),
      embedded("a replication that failed", () =>
        responding(makeResponse(200, {
          database: "_replicator",
          doc_id: "to-the-aviary",
          id: null,
          source: "http://127.0.0.1:5984/zoo/",
          target: "http://127.0.0.1:5984/aviary/",
          state: "failed",
          error_count: 1,
          start_time: "2026-01-01T00:00:00Z",
          last_updated: "2026-01-01T00:00:00Z",
          info: { error: "the filter does not exist" }
        }))(Stream.runDrain(Replication.progress("to-the-aviary"))))
    ]
  },
  {
    title: "Connections",
    cases: [
      embedded(
        "a server that is not running",
        () =>
          Effect.flatMap(
            Effect.scoped(Servers.tcp(() => undefined)),
            (port) => withPort(Database.info("zoo").pipe(overNode({}, `http://127.0.0.1:${port}`)), port)
          )
      ),
      embedded(
        "an unknown host name",
        () =>
          Database.info("zoo").pipe(
            overNode({}, "http://couch.invalid:5984"),
            // The code depends on whether the resolver has a name server.
            Effect.mapError(({ _tag, message }) => ({ _tag, message: message.replace("EAI_AGAIN", "ENOTFOUND") }))
          )
      ),
      embedded(
        "a Unix socket that does not exist",
        () => Database.info("zoo").pipe(overNode({ socketPath: "/nowhere/couchdb.sock" }))
      ),
      embedded(
        "a connection that times out",
        () =>
          Effect.flatMap(
            tcp(() => undefined),
            ({ port }) => withPort(Database.info("zoo").pipe(overNode({}, `https://127.0.0.1:${port}`, 100)), port)
          )
      ),
      embedded(
        "a connection that breaks before a response arrives, for a read",
        () =>
          Effect.flatMap(
            tcp((socket) => socket.once("data", () => socket.resetAndDestroy())),
            ({ port }) => withPort(Database.info("zoo").pipe(overNode({}, `http://127.0.0.1:${port}`)), port)
          )
      ),
      embedded(
        "a connection that breaks before a response arrives, for a write",
        () => toServer(tcp((socket) => socket.once("data", () => socket.resetAndDestroy())), "http")
      ),
      embedded(
        "a connection that breaks in the TLS handshake",
        () => toServer(tcp((socket) => socket.once("data", () => socket.resetAndDestroy())), "https")
      ),
      embedded("every connection is in use", () =>
        Effect.gen(function*() {
          const arrived = yield* Deferred.make<void>()
          const { port } = yield* Servers.http(() => Effect.runSync(Deferred.succeed(arrived, undefined)))
          return yield* withPort(
            Effect.gen(function*() {
              const couch = yield* CouchHttp.CouchHttp
              const held = couch.execute({ method: "GET", path: "/", route: "/", timeout: "10 seconds" })
              yield* Effect.forkScoped(Effect.ignore(held))
              yield* Deferred.await(arrived)
              return yield* Database.info("zoo")
            }).pipe(Effect.scoped, overNode({ connections: 1 }, `http://127.0.0.1:${port}`, 200)),
            port
          )
        })),
      embedded("https to a port of http", () => toServer(Servers.http(), "https")),
      embedded("http to a port of https", () =>
        // CouchDB sends an alert.
        toServer(
          tcp((socket) => socket.once("data", () => socket.end(Buffer.from([0x15, 3, 3, 0, 2, 2, 10])))),
          "http"
        )),
      embedded("http to a port of https of nginx", () =>
        responding(
          makeResponse(400, "<html><center>The plain HTTP request was sent to HTTPS port</center></html>", {
            "content-type": "text/html",
            server: "nginx/1.25.3"
          })
        )(Document.create(butterflies("zoo"), "monarch", monarch))),
      embedded(
        "a certificate of an authority that is not trusted",
        () => toServer(Servers.https("valid"), "https", {})
      ),
      embedded("a certificate that is self-signed", () => toServer(Servers.https("selfSigned"), "https")),
      embedded("a certificate that has expired", () => toServer(Servers.https("expired"), "https")),
      embedded("a certificate that is not valid yet", () => toServer(Servers.https("notYetValid"), "https")),
      embedded("a certificate for another host", () => toServer(Servers.https("otherHost"), "https")),
      embedded(
        "a server that requires a client certificate",
        () => toServer(Servers.https("valid", { requestCert: true, ca: Servers.pem("root.pem") }), "https")
      ),
      embedded(
        "a proxy that is not running",
        () =>
          Effect.flatMap(
            Effect.scoped(Servers.tcp(() => undefined)),
            (port) =>
              withPort(Database.info("zoo").pipe(overNode({ proxy: { url: `http://127.0.0.1:${port}` } })), port)
          )
      ),
      embedded("a proxy that requires credentials", () =>
        Effect.flatMap(
          Servers.proxy((socket) => socket.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")),
          ({ url }) => Database.info("zoo").pipe(overNode({ proxy: { url } }))
        )),
      embedded(
        "the URL of a proxy that is not valid",
        () => Database.info("zoo").pipe(overNode({ proxy: { url: "proxy:3128" } }))
      ),
      embedded(
        "a request that CORS forbids in a browser",
        () => Database.info("zoo").pipe(overFetch(server, () => Promise.reject(new TypeError("Failed to fetch"))))
      ),
      embedded(
        "a write that CORS forbids in a browser",
        () =>
          Document.create(butterflies("zoo"), "monarch", monarch).pipe(
            overFetch(server, () => Promise.reject(new TypeError("Failed to fetch")))
          )
      ),
      embedded(
        "a session in a browser without `credentials: \"include\"`",
        () =>
          Database.info("zoo").pipe(Effect.provide(
            CouchHttp.layer({ url: server, auth: Auth.session("ada", Redacted.make("secret")) }).pipe(
              Layer.provide(Layer.succeed(
                Transport.Transport,
                transport(({ path }) =>
                  Effect.succeed(
                    path === "/_session"
                      ? makeResponse(200, { ok: true, name: "ada", roles: [] })
                      : makeResponse(401, {
                        error: "unauthorized",
                        reason: "You are not authorized to access this db."
                      })
                  )
                )
              ))
            )
          ))
      ),
      embedded("`NodeCouchHttp` on Bun", () =>
        Database.info("zoo").pipe(Effect.provide(
          CouchHttp.layer({ url: server }).pipe(
            Layer.provide(Layer.succeed(
              Transport.Transport,
              transport(({ method, origin, path }) =>
                Effect.fail(
                  new CouchError.TransportError({
                    server: origin,
                    method,
                    path,
                    reason: "Unsupported",
                    description: "undici's pool has no dispatch, as on Bun"
                  })
                )
              )
            ))
          )
        ))),
      embedded("a write that is redirected, over fetch", () =>
        Effect.flatMap(
          Servers.http((incoming, response) => {
            incoming.resume()
            incoming.on("end", () => response.writeHead(307, { location: "/elsewhere" }).end())
          }),
          ({ port }) =>
            withPort(
              Document.create(butterflies("zoo"), "monarch", monarch).pipe(overFetch(`http://127.0.0.1:${port}`)),
              port
            )
        )),
      any(
        "a file that is shorter than its `length`",
        ({ zoo }) =>
          Effect.flatMap(
            Document.create(butterflies(zoo), "monarch", monarch),
            (doc) => Attachment.put(doc, "wings.txt", { bytes: "orange", contentType: "text/plain", length: 10 })
          )
      ),
      embedded("a header that contains a line break", () =>
        Database.info("zoo").pipe(
          Effect.provide(
            CouchHttp.layer({ url: server, auth: Auth.jwt(Redacted.make("a token\nof two lines")) }).pipe(
              Layer.provide(Layer.succeed(Transport.Transport, transport(() => Effect.never)))
            )
          )
        )),
      ...["#", "?", "/"].map((character) =>
        embedded(
          `a \`${character}\` in the password of the URL that is not percent-encoded`,
          () => Database.info("zoo").pipe(overNode({}, `http://admin:12${character}battery@127.0.0.1:5984`))
        )
      )
    ]
  },
  {
    title: "Between the client and CouchDB",
    cases: [
      embedded("a login page with status 200", ({ zoo }) => html(200)(Database.info(zoo))),
      embedded(
        "a proxy whose server is not reachable",
        ({ zoo }) => html(502)(Document.fetch(butterflies(zoo), "monarch"))
      ),
      embedded(
        "a proxy whose server is not reachable, for a write",
        ({ zoo }) => html(502)(Document.create(butterflies(zoo), "monarch", monarch))
      ),
      embedded("the limit of a proxy", ({ zoo }) => html(413)(Document.create(butterflies(zoo), "monarch", monarch))),
      embedded(
        "a redirect to a login page",
        ({ zoo }) => html(302, { location: "https://login.example/in?token=secret" })(Database.info(zoo))
      ),
      embedded(
        "too many requests",
        ({ zoo }) =>
          responding(makeResponse(429, { error: "too_many_requests", reason: "You've exceeded your rate limit." }))(
            Database.info(zoo)
          )
      ),
      embedded(
        "a failure of CouchDB",
        ({ zoo }) =>
          responding(makeResponse(500, { error: "internal_server_error", reason: "No DB shards could be opened." }))(
            Database.info(zoo)
          )
      ),
      embedded("a server that does not respond in time", ({ zoo }) =>
        Effect.provide(
          Database.info(zoo),
          CouchHttp.layer({ url: server, timeout: "1 millis", retry: "none" }).pipe(
            Layer.provide(Layer.succeed(Transport.Transport, transport(() => Effect.never)))
          )
        )),
      embedded("a URL that is not valid", ({ zoo }) =>
        Effect.provide(
          Database.info(zoo),
          CouchHttp.layer({ url: "127.0.0.1:5984" }).pipe(
            Layer.provide(Layer.succeed(Transport.Transport, transport(() => Effect.never)))
          )
        )),
      embedded(
        "a token that could not be obtained",
        ({ zoo }) => CouchHttp.withAuth(Database.info(zoo), Auth.jwt(Effect.fail("the identity provider is down")))
      )
    ]
  }
]

/** Each engine of JavaScript describes a mistake in its own words. */
const withoutEngine = (error: { readonly message: string; readonly _tag: string }) => ({
  _tag: error._tag,
  message: error.message.replace(/(?<=failed: SyntaxError).*(?=\)\. Fix)/s, "")
})

/** Runs a situation on databases and with a user of its own, and gives its error as it would be anywhere. */
export const errorIn = ({ error }: ErrorCase) =>
  Effect.scoped(Effect.gen(function*() {
    const couch = yield* CouchHttp.CouchHttp
    const id = globalThis.crypto.randomUUID()
    const stage = { zoo: `zoo-${id}`, nowhere: `nowhere-${id}`, name: `name-${id}` }
    const ada = { username: `ada-${id}`, password: Redacted.make("a secret") }
    yield* Effect.acquireRelease(Database.create(stage.zoo), () => Effect.ignore(Database.delete(stage.zoo)))
    yield* Effect.acquireRelease(
      User.create(ada.username, ada.password),
      () => Effect.ignore(User.delete(ada.username))
    )
    const found = yield* error({ ...stage, asAda: CouchHttp.withAuth(Auth.basic(ada.username, ada.password)) })
    return {
      tag: found._tag,
      message: found.message
        .replaceAll(couch.server ?? server, server)
        .replaceAll(`-${id}`, "")
        .replace(/\b(\d+)-[0-9a-f]{32}\b/g, "$1-…")
        .replace(/(?<=_design\/)[0-9a-f]{40}\b/g, "…")
    }
  }))
