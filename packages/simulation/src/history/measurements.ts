import type { CouchHttp } from "effect-couchdb"
import { Collection, Conflict, Document, Lineage, Merge, SiblingPolicy, Transport } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import { empty, policyOf } from "../world/card.js"
import {
  ask,
  type Doc,
  embedded,
  type Hook,
  id,
  type Leaf,
  leavesAt,
  type Replica,
  store,
  through,
  untouched
} from "../world/replicas.js"
import { plain } from "../world/steps.js"
import { settingsOf, withoutRules } from "./history.js"

/** Two replicas. Only the first one resolves. */
const pair = (lineage: Lineage.Options): Effect.Effect<readonly [Replica, Replica]> =>
  Effect.flatMap(
    embedded(1, [lineage, lineage]),
    ({ replicas: [here, there] }) =>
      here === undefined || there === undefined
        ? Effect.dieMessage("two replicas were asked for")
        : Effect.succeed([here, there])
  )

const carry = (from: Replica, to: Replica): Effect.Effect<void> =>
  Effect.flatMap(leavesAt(from), (leaves) => store(to, leaves))

const own = <A, E>(replica: Replica, effect: Effect.Effect<A, E, CouchHttp.CouchHttp>): Effect.Effect<A> =>
  through(replica, untouched, Effect.orDie(effect))

/** Creates a document with this many buried leaves. */
const buried = (here: Replica, there: Replica, burials: number): Effect.Effect<void> =>
  Effect.gen(function*() {
    yield* own(here, Document.create(here.cards, id, empty))
    for (let i = 0; i < burials; i++) {
      yield* carry(here, there)
      for (const replica of [here, there]) {
        yield* own(
          replica,
          Document.update(replica.cards, id, (card) => ({
            ...card,
            count: card.count + 1,
            register: `${replica === here ? "here" : "there"} ${i}`
          }))
        )
      }
      yield* carry(there, here)
      yield* own(here, Conflict.resolve(here.cards, id, policyOf("greater")))
    }
  })

const sizeOf = (leaves: ReadonlyArray<Leaf>): number =>
  leaves.filter(({ deleted }) => deleted).reduce((sum, { doc }) => sum + JSON.stringify(doc).length, 0)

/** The size of the largest response to a resolver, in bytes. */
export const biggestAnswer = (holds: boolean): Effect.Effect<number> =>
  Effect.gen(function*() {
    const [here, there] = yield* pair(withoutRules(settingsOf(0, plain), holds ? undefined : new Set([14])))
    yield* buried(here, there, 70)
    let biggest = 0
    const measuring: Hook = (request, pass) =>
      Effect.tap(pass(request), (response) => {
        biggest = Math.max(biggest, Transport.bytes(response).length)
      })
    yield* through(here, measuring, Effect.orDie(Conflict.resolve(here.cards, id, policyOf("greater"))))
    return biggest
  }).pipe(Effect.withRandom(Random.make(14)))

/** The size of the burials, after slimming if the rule holds. */
export const bytesOfBurials = (holds: boolean): Effect.Effect<number> =>
  Effect.gen(function*() {
    const [here, there] = yield* pair(settingsOf(0, plain))
    yield* buried(here, there, 40)
    if (holds) yield* own(here, Conflict.slim(here.cards, id))
    return sizeOf(yield* leavesAt(here))
  }).pipe(Effect.withRandom(Random.make(15)))

const Account = Schema.Struct({ secret: Schema.optional(Merge.Counter) })

/** The error of a merge that takes redacted values for absent ones. */
export const guessedSecret = (holds: boolean): Effect.Effect<number> =>
  Effect.gen(function*() {
    const lineage = withoutRules({ redact: [["secret"]] }, holds ? undefined : new Set([18]))
    const [here, there] = yield* pair(lineage)
    const accounts = (replica: Replica) =>
      Collection.make(replica.place.database, Account, { lineage: Lineage.settings(lineage) })
    const added = (replica: Replica, more: number) =>
      own(replica, Document.update(accounts(replica), id, ({ secret = 0 }) => ({ secret: secret + more })))
    yield* own(here, Document.create(accounts(here), id, { secret: 10 }))
    yield* carry(here, there)
    yield* added(here, 2)
    yield* added(there, 5)
    yield* carry(there, here)
    yield* ask(here, "POST", "/_compact", {})
    yield* own(here, Conflict.resolve(accounts(here), id, SiblingPolicy.merge(Merge.make(Account))))
    const standing = (yield* leavesAt(here)).filter(({ deleted }) => !deleted)
    // Both leaves are live if the resolution was left to a user.
    return standing.length > 1 ? 0 : Math.abs(17 - secretIn(standing[0]?.doc))
  }).pipe(Effect.withRandom(Random.make(18)))

const secretIn = (doc: Doc | undefined): number => Number(doc?.["secret"] ?? 0)
