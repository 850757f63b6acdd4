import { assert, describe, it } from "@effect/vitest"
import {
  Auth,
  Changes,
  Collection,
  Conflict,
  CouchHttp,
  Database,
  Document,
  Merge,
  SiblingPolicy,
  Transport
} from "effect-couchdb"
import { EmbeddedCouch } from "effect-couchdb-embedded"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as MetricState from "effect/MetricState"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { seeds } from "../support/deep.js"

const admin = { username: "admin", password: Redacted.make("password") }
const Card = Schema.Struct({
  seen: Schema.Number.pipe(Merge.annotate(Merge.counter)),
  tags: Schema.Array(Schema.String).pipe(Merge.annotate(Merge.set))
})
type Cards = Collection.Collection<typeof Card.Type, typeof Card.Encoded>
const merging = Merge.make(Card)

/** What happens around a request: nothing, unless a test says otherwise. */
interface Meddler {
  around: (
    request: Transport.TransportRequest,
    answer: Effect.Effect<Transport.BufferedResponse, never>
  ) => Effect.Effect<Transport.BufferedResponse>
}

/** A server, a client for its rivals, and one whose requests a test may meddle with. */
const scene = Effect.gen(function*() {
  const couch = yield* EmbeddedCouch.make({ admin })
  const transport = Layer.succeed(Transport.Transport, EmbeddedCouch.transport(couch))
  const options = { url: "http://embedded", auth: Auth.basic(admin.username, admin.password) }
  const meddler: Meddler = { around: (_, answer) => answer }
  const meddled = (inner: Transport.Service): Transport.Service => ({
    ...inner,
    request: (request) => Effect.suspend(() => meddler.around(request, Effect.orDie(inner.request(request))))
  })
  const rival = yield* CouchHttp.make(options).pipe(Effect.provide(transport))
  const mine = yield* CouchHttp.make({ ...options, retry: Schedule.recurs(3), transformTransport: meddled }).pipe(
    Effect.provide(transport)
  )
  return {
    meddler,
    asRival: Effect.provideService(CouchHttp.CouchHttp, rival),
    asMe: Effect.provideService(CouchHttp.CouchHttp, mine)
  }
})

const bulk = (cards: Cards, docs: ReadonlyArray<unknown>) =>
  Effect.flatMap(CouchHttp.CouchHttp, (couch) =>
    couch.execute({
      method: "POST",
      path: `/${cards.database}/_bulk_docs`,
      route: "/{db}/_bulk_docs",
      body: JSON.stringify({ new_edits: false, docs })
    }))

/** `ada`, seen ten times, with siblings that saw her once, twice, four times more. */
const siblings = (cards: Cards, howMany: number, id = "ada") =>
  Effect.gen(function*() {
    const doc = yield* Document.create(cards, id, { seen: 10, tags: ["a"] })
    const parent = (yield* Document.revision(doc)).slice(2)
    yield* bulk(
      cards,
      Array.from({ length: howMany }, (_, i) => {
        const hash = String(9 - i).repeat(32)
        return {
          _id: id,
          _rev: `2-${hash}`,
          _revisions: { start: 2, ids: [hash, parent] },
          seen: 10 + 2 ** i,
          tags: ["a", `t${i}`]
        }
      })
    )
  })

const zoo = Effect.gen(function*() {
  const cards = Collection.make("zoo", Card)
  yield* Database.create(cards.database)
  return cards
})

/** Two edits of the version that stands, made apart. */
const inConflictAgain = (cards: Cards, id: string) =>
  Effect.flatMap(Document.fetch(cards, id), (read) =>
    Effect.zipRight(
      Document.save(Document.modify(read, (card) => ({ ...card, seen: card.seen + 1 }))),
      Document.save(Document.modify(read, (card) => ({ ...card, seen: card.seen + 2 }))).pipe(
        Effect.catchTag("ConflictError", Conflict.fork)
      )
    ))

const untilQuiet = (cards: Cards, id: string) =>
  Conflict.resolve(cards, id, merging).pipe(
    Effect.repeat({ until: ({ _tag }) => _tag === "NothingToDo" || _tag === "Unresolved", times: 10 })
  )

const liveLeaves = (cards: Cards, id: string) =>
  Effect.map(
    Conflict.siblings(cards, id),
    ({ leaves }) => leaves.flatMap((leaf) => leaf._tag === "Live" ? [leaf.document] : [])
  )

describe("a rival between two requests of resolve", () => {
  const rivals: Readonly<Record<string, (cards: Cards) => Effect.Effect<number, unknown, CouchHttp.CouchHttp>>> = {
    "extends the winner": (cards) =>
      Effect.flatMap(liveLeaves(cards, "ada"), ([winner]) =>
        winner === undefined
          ? Effect.succeed(0)
          : Effect.as(Document.save(Document.modify(winner, (card) => ({ ...card, seen: card.seen + 100 }))), 100)),
    "extends a loser": (cards) =>
      Effect.flatMap(liveLeaves(cards, "ada"), (leaves) => {
        const loser = leaves[leaves.length - 1]
        return loser === undefined
          ? Effect.succeed(0)
          : Effect.as(Document.save(Document.modify(loser, (card) => ({ ...card, seen: card.seen + 100 }))), 100)
      }),
    "resolves the same siblings": (cards) => Effect.as(Conflict.resolve(cards, "ada", merging), 0)
  }
  for (const [what, rival] of Object.entries(rivals)) {
    it.scoped(`${what}: nothing is lost, and nothing counts twice`, () =>
      Effect.gen(function*() {
        for (let gap = 1; gap <= 6; gap++) {
          const { asMe, asRival, meddler } = yield* scene
          const cards = yield* asRival(zoo)
          yield* asRival(siblings(cards, 3))
          let sent = 0
          let added = 0
          meddler.around = (_, answer) =>
            Effect.tap(answer, () =>
              ++sent === gap
                ? Effect.map(Effect.orDie(asRival(rival(cards))), (more) => {
                  added += more
                })
                : Effect.void)
          yield* asMe(Conflict.resolve(cards, "ada", merging))
          meddler.around = (_, answer) => answer
          yield* asMe(untilQuiet(cards, "ada"))
          const leaves = yield* asRival(liveLeaves(cards, "ada"))
          assert.lengthOf(leaves, 1, `gap ${gap}`)
          assert.strictEqual(leaves[0]?.body.seen, 17 + added, `gap ${gap}`)
          assert.deepStrictEqual([...leaves[0]?.body.tags ?? []].sort(), ["a", "t0", "t1", "t2"])
        }
      }))
  }

  it.scoped("deletes every version: the merge that came too late does not bring the document back", () =>
    Effect.gen(function*() {
      for (let gap = 2; gap <= 4; gap++) {
        const { asMe, asRival, meddler } = yield* scene
        const cards = yield* asRival(zoo)
        yield* asRival(siblings(cards, 2))
        let sent = 0
        meddler.around = (_, answer) =>
          Effect.tap(answer, () =>
            ++sent === gap
              ? Effect.orDie(asRival(
                Effect.flatMap(liveLeaves(cards, "ada"), Effect.forEach(Document.delete))
              ))
              : Effect.void)
        yield* asMe(Conflict.resolve(cards, "ada", merging))
        assert.isFalse(yield* asRival(Document.exists(cards, "ada")), `gap ${gap}`)
      }
    }))

  it.scoped("who writes without end ends in Superseded, after a bounded number of requests", () =>
    Effect.gen(function*() {
      const { asMe, asRival, meddler } = yield* scene
      const cards = yield* asRival(zoo)
      yield* asRival(siblings(cards, 2))
      let sent = 0
      let edits = 0
      meddler.around = ({ path }, answer) => {
        sent++
        return path.endsWith("/_bulk_docs")
          ? Effect.zipRight(
            Effect.orDie(asRival(Effect.flatMap(liveLeaves(cards, "ada"), ([winner]) => {
              edits++
              return winner === undefined
                ? Effect.void
                : Document.save(Document.modify(winner, (card) => ({ ...card, seen: card.seen + 100 })))
            }))),
            answer
          )
          : answer
      }
      const outcome = yield* asMe(Conflict.resolve(cards, "ada", merging))
      assert.strictEqual(outcome._tag, "Superseded")
      assert.isBelow(sent, 60)
      meddler.around = (_, answer) => answer
      yield* asMe(untilQuiet(cards, "ada"))
      const [doc] = yield* asRival(liveLeaves(cards, "ada"))
      assert.strictEqual(doc?.body.seen, 13 + 100 * edits)
    }))
})

describe("answers that resolve does not get", () => {
  it.scoped("a request whose answer is lost is repeated, and does nothing the second time", () =>
    Effect.gen(function*() {
      for (let lost = 1; lost <= 6; lost++) {
        const { asMe, asRival, meddler } = yield* scene
        const cards = yield* asRival(zoo)
        yield* asRival(siblings(cards, 3))
        let sent = 0
        meddler.around = (_, answer) =>
          Effect.map(answer, (response) =>
            // What a proxy says that gave up on the server, which went on.
            ++sent === lost ? { status: 502, headers: { "retry-after": "0" }, body: "" } : response)
        const outcome = yield* asMe(Conflict.resolve(cards, "ada", merging))
        assert.strictEqual(outcome._tag, "Resolved", `answer ${lost}`)
        const leaves = yield* asRival(liveLeaves(cards, "ada"))
        assert.deepStrictEqual(leaves.map(({ body }) => body.seen), [17])
      }
    }))

  it.scoped("a merge that no quorum confirmed buries nothing, and is not merged again later", () =>
    Effect.gen(function*() {
      const { asMe, asRival, meddler } = yield* scene
      const cards = yield* asRival(zoo)
      yield* asRival(siblings(cards, 3))
      meddler.around = ({ path }, answer) =>
        Effect.map(answer, (response) => path.endsWith("/_bulk_docs") ? { ...response, status: 202 } : response)
      const outcome = yield* asMe(Conflict.resolve(cards, "ada", merging))
      if (outcome._tag !== "PartiallyResolved") return assert.fail(outcome._tag)
      assert.lengthOf(outcome.remaining, 2)
      assert.deepStrictEqual(outcome.deleted, [])
      assert.lengthOf(yield* asRival(liveLeaves(cards, "ada")), 3)
      meddler.around = (_, answer) => answer
      const later = yield* asMe(Conflict.resolve(cards, "ada", merging))
      assert.strictEqual(later._tag, "Resolved")
      assert.deepStrictEqual((yield* asRival(liveLeaves(cards, "ada"))).map(({ body }) => body.seen), [17])
    }))
})

describe("what resolve may not do", () => {
  it.scoped("write when nothing changed", () =>
    Effect.gen(function*() {
      const { asMe, asRival, meddler } = yield* scene
      const cards = yield* asRival(zoo)
      yield* asRival(Document.create(cards, "ada", { seen: 1, tags: [] }))
      const sent: Array<string> = []
      meddler.around = ({ path }, answer) => {
        sent.push(path.slice(path.lastIndexOf("/") + 1).split("?")[0] ?? "")
        return answer
      }
      assert.strictEqual((yield* asMe(Conflict.resolve(cards, "ada", merging)))._tag, "NothingToDo")
      assert.deepStrictEqual(sent, ["_all_docs"])
    }))

  it.scoped("go unseen: each resolution is counted by policy and outcome", () =>
    Effect.gen(function*() {
      const { asMe, asRival } = yield* scene
      const cards = yield* asRival(zoo)
      yield* asRival(siblings(cards, 2))
      const policy = SiblingPolicy.merge(merging)
      const count = Effect.map(Metric.snapshot, (pairs) =>
        pairs.flatMap(({ metricKey, metricState }) =>
          metricKey.name === "couchdb_resolutions" && MetricState.isCounterState(metricState) &&
            metricKey.tags.some(({ value }) =>
              value === "merge"
            ) &&
            metricKey.tags.some(({ value }) => value === "Resolved")
            ? [Number(metricState.count)]
            : []
        ).reduce((sum, each) => sum + each, 0))
      const before = yield* count
      yield* asMe(Conflict.resolve(cards, "ada", policy))
      assert.strictEqual(yield* count, before + 1)
    }))
})

/** What replication does between two databases of one server: leaves with their paths, and no older bodies. */
const replicate = (from: Cards, to: Cards) =>
  Effect.gen(function*() {
    const couch = yield* CouchHttp.CouchHttp
    const answer = yield* couch.execute({
      method: "GET",
      path: `/${from.database}/ada?open_revs=all&revs=true`,
      route: "/{db}/{docid}"
    })
    yield* bulk(to, (JSON.parse(Transport.text(answer)) as ReadonlyArray<{ ok: unknown }>).map(({ ok }) => ok))
  })

describe("replicas that edit, replicate and resolve in any order", () => {
  it.scoped(
    "count each edit once, or leave the versions for manual review; those that resolve all are equal",
    () =>
      Effect.gen(function*() {
        let unresolved = 0
        const histories = seeds(12, 200)
        for (const seed of histories) {
          yield* Effect.withRandom(
            Effect.gen(function*() {
              const { asMe } = yield* scene
              const replicas = ["a", "b", "c"].map((name) => Collection.make(name, Card))
              yield* asMe(Effect.gen(function*() {
                for (const { database } of replicas) yield* Database.create(database)
                const [first] = replicas
                if (first === undefined) return
                yield* Document.create(first, "ada", { seen: 10, tags: [] })
                for (const other of replicas.slice(1)) yield* replicate(first, other)
                let total = 10
                const tags = new Set<string>()
                const pick = Effect.map(Random.nextIntBetween(0, 3), (i) => replicas[i] as Cards)
                for (let step = 1; step <= 24; step++) {
                  const chance = yield* Random.next
                  const here = yield* pick
                  if (chance < 0.4) {
                    const leaves = yield* liveLeaves(here, "ada")
                    const leaf = leaves[yield* Random.nextIntBetween(0, leaves.length)]
                    if (leaf === undefined) continue
                    total += 2 ** step
                    tags.add(`t${step}`)
                    yield* Document.save(
                      Document.modify(
                        leaf,
                        (card) => ({ seen: card.seen + 2 ** step, tags: [...card.tags, `t${step}`] })
                      )
                    )
                  } else if (chance < 0.7) yield* replicate(here, yield* pick)
                  else yield* Conflict.resolve(here, "ada", merging)
                }
                for (let round = 0; round < 4; round++) {
                  for (const from of replicas) for (const to of replicas) yield* replicate(from, to)
                  for (const each of replicas) yield* Conflict.resolve(each, "ada", merging)
                }
                for (const from of replicas) for (const to of replicas) yield* replicate(from, to)
                const ends = yield* Effect.forEach(replicas, (each) => liveLeaves(each, "ada"))
                const revs = ends.map((leaves) => leaves.map(({ rev }) => Option.getOrThrow(rev)).join())
                assert.strictEqual(new Set(revs).size, 1, `seed ${seed}: ${revs.join(" | ")}`)
                const [leaves] = ends
                if (leaves?.length === 1) {
                  assert.strictEqual(leaves[0]?.body.seen, total, `seed ${seed}`)
                  assert.deepStrictEqual([...leaves[0]?.body.tags ?? []].sort(), [...tags].sort(), `seed ${seed}`)
                } else unresolved++
              }))
            }),
            Random.make(seed)
          )
        }
        // An ancestor may be on no replica any more, and merges may cross: those are left to a person.
        assert.isAtMost(unresolved, Math.ceil(histories.length / 4))
      })
  )
})

describe("a sweep", () => {
  it.scoped("over a thousand documents takes requests by the page, not by the document", () =>
    Effect.gen(function*() {
      const { asMe, asRival, meddler } = yield* scene
      const cards = yield* asRival(zoo)
      yield* asRival(Effect.forEach(
        Array.from({ length: 1000 }, (_, i) => i),
        (i) => siblings(cards, i % 5 === 0 ? 2 : 1, `card-${i}`)
      ))
      let sent = 0
      meddler.around = (_, answer) => {
        sent++
        return answer
      }
      const events = Chunk.toReadonlyArray(yield* asMe(Stream.runCollect(Conflict.sweep(cards, merging))))
      const summary = events[events.length - 1]
      assert.deepInclude(summary, { _tag: "Summary", resolved: 200, unresolved: 0, pending: 0 })
      assert.isBelow(sent, 70)
      assert.strictEqual(yield* asMe(Stream.runCount(Conflict.stream(cards))), 0)
    }))
})

describe("a sweep among rivals", () => {
  it.scoped("ends, though somebody brings two documents into conflict again and again", () =>
    Effect.gen(function*() {
      const swept = (times: number) =>
        Effect.gen(function*() {
          const { asMe, asRival } = yield* scene
          const cards = yield* asRival(zoo)
          // Each one's change comes behind the other one's, so that there is always one more to look at.
          for (const id of ["ada", "ben"]) yield* asRival(siblings(cards, 2, id))
          const sweep = Conflict.sweep(cards, merging, { pageSize: 1, guard: { times, within: "1 minute" } }).pipe(
            Stream.tap((event) =>
              event._tag === "Outcome" && event.resolution._tag === "Resolved"
                ? asRival(inConflictAgain(cards, event.resolution.id))
                : Effect.void
            ),
            Stream.take(100)
          )
          return Chunk.toReadonlyArray(yield* asMe(Stream.runCollect(sweep)))
        })
      const guarded = yield* swept(3)
      assert.strictEqual(guarded.at(-1)?._tag, "Summary")
      assert.isTrue(guarded.some((event) =>
        event._tag === "Outcome" && event.resolution._tag === "Unresolved" && event.resolution.reason._tag === "Looping"
      ))
      // Nothing else would have ended it.
      assert.lengthOf(yield* swept(1_000), 100)
    }))

  it.scoped("does not take a document for one in conflict that it resolved often enough", () =>
    Effect.gen(function*() {
      const { asMe, asRival } = yield* scene
      const cards = yield* asRival(zoo)
      yield* asRival(siblings(cards, 2))
      const events = Chunk.toReadonlyArray(
        yield* asMe(
          Stream.runCollect(Conflict.sweep(cards, merging, { pageSize: 1, guard: { times: 1, within: "1 minute" } }))
        )
      )
      assert.deepInclude(events[events.length - 1], { _tag: "Summary", resolved: 1, unresolved: 0 })
    }))
})

describe("a watch", () => {
  it.scoped("resolves existing conflicts, then new ones, and resumes from its checkpoint", () =>
    Effect.gen(function*() {
      const { asMe, asRival } = yield* scene
      const cards = yield* asRival(zoo)
      yield* asRival(siblings(cards, 3, "old"))
      const seen = yield* Queue.unbounded<Conflict.Resolution<typeof Card.Type>>()
      const checkpoint = yield* Changes.inMemory
      const watching = Conflict.watch(cards, merging, { checkpoint, checkpointEvery: 0 }).pipe(
        Stream.runForEach((outcome) => Queue.offer(seen, outcome))
      )
      const fiber = yield* Effect.fork(asMe(watching))
      assert.deepInclude(yield* Queue.take(seen), { _tag: "Resolved", id: "old" })
      yield* asRival(Document.create(cards, "plain", { seen: 0, tags: [] }))
      yield* asRival(siblings(cards, 2, "new"))
      assert.deepInclude(yield* Queue.take(seen), { _tag: "Resolved", id: "new" })
      yield* Fiber.interrupt(fiber)
      yield* asRival(siblings(cards, 2, "later"))
      yield* Effect.fork(asMe(watching))
      assert.deepInclude(yield* Queue.take(seen), { _tag: "Resolved", id: "later" })
      assert.strictEqual(yield* Queue.size(seen), 0)
      yield* asRival(Database.delete(cards.database))
    }))

  it.scoped("outlives a server in trouble, and ends with the database", () =>
    Effect.gen(function*() {
      const { asMe, asRival, meddler } = yield* scene
      const cards = yield* asRival(zoo)
      const seen = yield* Queue.unbounded<Conflict.Resolution<typeof Card.Type>>()
      let trouble = 30
      meddler.around = (request, answer) =>
        Effect.suspend(() =>
          request.method === "POST" && trouble-- > 0
            ? Effect.succeed({ status: 503, headers: {}, body: `{"error":"busy","reason":"starting"}` })
            : answer
        )
      yield* asRival(siblings(cards, 2, "ada"))
      const fiber = yield* Effect.fork(
        asMe(Stream.runForEach(Conflict.watch(cards, merging), (outcome) => Queue.offer(seen, outcome)))
      )
      const taken = yield* Effect.fork(Queue.take(seen))
      while (taken.unsafePoll() === null && fiber.unsafePoll() === null) {
        yield* TestClock.adjust("10 seconds")
        yield* Effect.yieldNow()
      }
      assert.isNull(fiber.unsafePoll())
      assert.deepInclude(yield* Fiber.join(taken), { _tag: "Resolved", id: "ada" })
      assert.isAtMost(trouble, 0)
      yield* asRival(Database.delete(cards.database))
      while (fiber.unsafePoll() === null) yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(fiber)
    }))

  it.scoped("gives up on a document that somebody brings into conflict again and again", () =>
    Effect.gen(function*() {
      const { asMe, asRival } = yield* scene
      const cards = yield* asRival(zoo)
      yield* asRival(siblings(cards, 2))
      const outcomes = Chunk.toReadonlyArray(
        yield* asMe(
          Conflict.watch(cards, merging, { guard: { times: 3, within: "1 minute" } }).pipe(
            Stream.tap((outcome) =>
              outcome._tag === "Resolved" ? asRival(inConflictAgain(cards, outcome.id)) : Effect.void
            ),
            Stream.takeUntil((outcome) => outcome._tag === "Unresolved" && outcome.reason._tag === "Looping"),
            Stream.runCollect
          )
        )
      )
      assert.strictEqual(outcomes.filter(({ _tag }) => _tag === "Resolved").length, 3)
    }))
})
