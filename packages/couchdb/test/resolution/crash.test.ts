import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { assert, layer } from "@effect/vitest"
import { Auth, Collection, Conflict, CouchHttp, Database, Document, Merge, Transport } from "effect-couchdb"
import * as Serve from "effect-couchdb-embedded/Serve"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { execFile } from "node:child_process"
import { randomUUID } from "node:crypto"
import { bundle } from "../support/bundle.js"

const Card = Schema.Struct({
  seen: Schema.Number.pipe(Merge.annotate(Merge.counter)),
  tags: Schema.Array(Schema.String).pipe(Merge.annotate(Merge.set))
})

/** The environment of the child: a user and a password that exist only for this test. */
const admin = { username: "admin", password: Redacted.make(randomUUID()) }

class Resolver extends Effect.Service<Resolver>()("Resolver", {
  scoped: Effect.map(bundle(new URL("crash/resolver.ts", import.meta.url)), (path) => ({ path }))
}) {}

class Server extends Effect.Service<Server>()("Server", {
  scoped: Effect.map(Serve.serve({ admin }), ({ url }) => {
    const withUser = new URL(url)
    withUser.username = admin.username
    withUser.password = Redacted.value(admin.password)
    return { url: withUser.href }
  })
}) {}

const client = Layer.unwrapEffect(
  Effect.map(Server, ({ url }) =>
    CouchHttp.layer({ url, auth: Auth.basic(admin.username, admin.password) }).pipe(
      Layer.provide(Transport.layerHttpClient()),
      Layer.provide(FetchHttpClient.layer)
    ))
).pipe(Layer.provideMerge(Server.Default), Layer.merge(Resolver.Default))

const raw = (path: string, body: unknown) =>
  Effect.flatMap(
    CouchHttp.CouchHttp,
    (couch) => couch.execute({ method: "POST", path, route: path, body: JSON.stringify(body) })
  )

/** Some cards with three siblings each; one of them has an attachment that only a loser has. */
const scene = (howMany: number) =>
  Effect.gen(function*() {
    const cards = Collection.make(`crash-${randomUUID()}`, Card)
    yield* Database.create(cards.database)
    for (let i = 0; i < howMany; i++) {
      const { rev } = yield* Effect.flatMap(
        Document.create(cards, `card-${i}`, { seen: 10, tags: ["a"] }),
        (doc) => Effect.map(Document.revision(doc), (rev) => ({ rev }))
      )
      const sibling = (digit: string, members: object) => ({
        _id: `card-${i}`,
        _rev: `2-${digit.repeat(32)}`,
        _revisions: { start: 2, ids: [digit.repeat(32), rev.slice(2)] },
        ...members
      })
      yield* raw(`/${cards.database}/_bulk_docs`, {
        new_edits: false,
        docs: [
          sibling("9", { seen: 11, tags: ["a", "b"] }),
          sibling("5", { seen: 12, tags: ["a", "c"] }),
          sibling("1", {
            seen: 14,
            tags: [],
            _attachments: { "loser.txt": { content_type: "text/plain", data: Buffer.from("kept").toString("base64") } }
          })
        ]
      })
    }
    return cards
  })

interface Ended {
  readonly signal: string | null
  readonly requests: number
}

/** Runs the resolver until it ends, or kills itself. */
const child = ({ database }: Collection.Bound<typeof Card.Type>, ...args: ReadonlyArray<string>) =>
  Effect.flatMap(Effect.all([Server, Resolver]), ([{ url }, { path }]) =>
    Effect.async<Ended, Error>((resume) => {
      const started = execFile(process.execPath, [path, url, database, ...args], (error, stdout, stderr) => {
        const signal = error?.signal ?? null
        const requests = Number(/after (\d+) requests/.exec(stdout)?.[1] ?? 0)
        resume(
          signal === null && requests === 0
            ? Effect.fail(new Error(`the resolver failed: ${stderr}`))
            : Effect.succeed({ signal, requests })
        )
      })
      return Effect.sync(() => started.kill("SIGKILL"))
    }))

/** Nothing is lost, nothing counts twice: what a resolution that nobody interrupted leaves. */
const wasResolved = (cards: Collection.Collection<typeof Card.Type, typeof Card.Encoded>, howMany: number) =>
  Effect.gen(function*() {
    for (let i = 0; i < howMany; i++) {
      const doc = yield* Document.fetch(cards, `card-${i}`)
      assert.deepStrictEqual({ seen: doc.body.seen, tags: [...doc.body.tags].sort() }, { seen: 17, tags: ["b", "c"] })
      assert.deepStrictEqual(Object.keys(doc.attachments), ["loser.txt"])
      assert.deepStrictEqual(yield* Document.conflicts(doc).pipe(Effect.map(({ conflicts }) => conflicts)), [])
      const { leaves } = yield* Conflict.siblings(cards, `card-${i}`)
      assert.deepStrictEqual(leaves.map(({ _tag }) => _tag), ["Live", "Deleted", "Deleted"])
    }
  })

layer(client, { excludeTestServices: true })("a resolver that is killed", (it) => {
  for (const [operation, howMany] of [["resolve", 1], ["sweep", 4]] as const) {
    it.scoped(
      `between any two requests of ${operation}, and run again, loses nothing and doubles nothing`,
      () =>
        Effect.gen(function*() {
          const untouched = yield* scene(howMany)
          const { requests } = yield* child(untouched, operation)
          assert.isAtLeast(requests, 6)
          yield* wasResolved(untouched, howMany)
          // What is sent after the last answer is never sent: each gap is one answer that nobody reads.
          const answers = Array.from({ length: requests }, (_, i) => String(i + 1))
          yield* Effect.forEach(answers, (answer) =>
            Effect.gen(function*() {
              const cards = yield* scene(howMany)
              const { signal } = yield* child(cards, operation, answer)
              assert.strictEqual(signal, "SIGKILL")
              yield* operation === "sweep"
                ? Stream.runDrain(Conflict.sweep(cards, Merge.make(Card)))
                : Conflict.resolve(cards, "card-0", Merge.make(Card))
              yield* wasResolved(cards, howMany)
            }), { concurrency: 2 })
        })
    )
  }
})
