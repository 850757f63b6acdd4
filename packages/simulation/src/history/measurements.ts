import type { CouchHttp } from "effect-couchdb"
import { Collection, Conflict, Document, Lineage, Merge, SiblingPolicy, Transport } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import { empty, policyOf } from "../world/card.js"
import {
  type Doc,
  embeddedWorld,
  type Hook,
  id,
  type Leaf,
  leavesAt,
  noHook,
  type Replica,
  sendRequest,
  withHook,
  writeLeaves
} from "../world/replicas.js"
import { noTrouble } from "../world/steps.js"
import { settingsOf, withoutRules } from "./history.js"

/** Two replicas. Only the first one resolves. */
const pair = (lineage: Lineage.Options): Effect.Effect<readonly [Replica, Replica]> =>
  Effect.flatMap(
    embeddedWorld(1, [lineage, lineage]),
    ({ replicas: [here, there] }) =>
      here === undefined || there === undefined
        ? Effect.dieMessage("two replicas were asked for")
        : Effect.succeed([here, there])
  )

const copyLeaves = (from: Replica, to: Replica): Effect.Effect<void> =>
  Effect.flatMap(leavesAt(from), (leaves) => writeLeaves(to, leaves))

const runAt = <A, E>(replica: Replica, effect: Effect.Effect<A, E, CouchHttp.CouchHttp>): Effect.Effect<A> =>
  withHook(replica, noHook, Effect.orDie(effect))

/** Creates a document with this many merged leaves. */
const makeMergeTombstones = (here: Replica, there: Replica, count: number): Effect.Effect<void> =>
  Effect.gen(function*() {
    yield* runAt(here, Document.create(here.cards, id, empty))
    for (let i = 0; i < count; i++) {
      yield* copyLeaves(here, there)
      for (const replica of [here, there]) {
        yield* runAt(
          replica,
          Document.update(replica.cards, id, (card) => ({
            ...card,
            count: card.count + 1,
            register: `${replica === here ? "here" : "there"} ${i}`
          }))
        )
      }
      yield* copyLeaves(there, here)
      yield* runAt(here, Conflict.resolve(here.cards, id, policyOf("greater")))
    }
  })

const sizeOf = (leaves: ReadonlyArray<Leaf>): number =>
  leaves.filter(({ deleted }) => deleted).reduce((sum, { doc }) => sum + JSON.stringify(doc).length, 0)

/** The size of the largest response to a resolver, in bytes. */
export const largestResponse = (holds: boolean): Effect.Effect<number> =>
  Effect.gen(function*() {
    const [here, there] = yield* pair(withoutRules(settingsOf(0, noTrouble), holds ? undefined : new Set([14])))
    yield* makeMergeTombstones(here, there, 70)
    let biggest = 0
    const measuring: Hook = (request, pass) =>
      Effect.tap(pass(request), (response) => {
        biggest = Math.max(biggest, Transport.bytes(response).length)
      })
    yield* withHook(here, measuring, Effect.orDie(Conflict.resolve(here.cards, id, policyOf("greater"))))
    return biggest
  }).pipe(Effect.withRandom(Random.make(14)))

/** The size of the merge tombstones, after slimming if the rule holds. */
export const bytesOfMergeTombstones = (holds: boolean): Effect.Effect<number> =>
  Effect.gen(function*() {
    const [here, there] = yield* pair(settingsOf(0, noTrouble))
    yield* makeMergeTombstones(here, there, 40)
    if (holds) yield* runAt(here, Lineage.stripTombstones(here.cards, id))
    return sizeOf(yield* leavesAt(here))
  }).pipe(Effect.withRandom(Random.make(15)))

const Account = Schema.Struct({ secret: Schema.optional(Merge.Counter) })

/** The error of a merge that takes redacted values for absent ones. */
export const redactionError = (holds: boolean): Effect.Effect<number> =>
  Effect.gen(function*() {
    const lineage = withoutRules({ redact: [["secret"]] }, holds ? undefined : new Set([18]))
    const [here, there] = yield* pair(lineage)
    const accounts = (replica: Replica) =>
      Collection.make(replica.place.database, Account, { lineage: Lineage.settings(lineage) })
    const added = (replica: Replica, more: number) =>
      runAt(replica, Document.update(accounts(replica), id, ({ secret = 0 }) => ({ secret: secret + more })))
    yield* runAt(here, Document.create(accounts(here), id, { secret: 10 }))
    yield* copyLeaves(here, there)
    yield* added(here, 2)
    yield* added(there, 5)
    yield* copyLeaves(there, here)
    yield* sendRequest(here, "POST", "/_compact", {})
    yield* runAt(here, Conflict.resolve(accounts(here), id, SiblingPolicy.merge(Merge.make(Account))))
    const standing = (yield* leavesAt(here)).filter(({ deleted }) => !deleted)
    // Both leaves are live if the resolution was left to a user.
    return standing.length > 1 ? 0 : Math.abs(17 - secretIn(standing[0]?.doc))
  }).pipe(Effect.withRandom(Random.make(18)))

const secretIn = (doc: Doc | undefined): number => Number(doc?.["secret"] ?? 0)
