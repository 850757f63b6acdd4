import { CouchHttp, type Json, type Transport } from "effect-couchdb"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { Scope } from "effect/Scope"
import { type Fixture, makeFixture, type Operation } from "./operations.js"
import type { TestServer } from "./worlds.js"

/** What a server holds of a scene: the leaves of each document, and the settings of each database. */
export interface State {
  /** `database/id` to its leaves, each as text. */
  readonly documents: ReadonlyMap<string, ReadonlySet<string>>
  readonly settings: ReadonlyMap<string, string>
}

/** What became of an operation, and of the server. */
export interface FaultRun {
  readonly requests: number
  readonly exit: Exit.Exit<unknown, unknown>
  readonly value: string
  readonly before: State
  readonly after: State
  readonly settled: Exit.Exit<unknown, unknown>
  readonly atEnd: State
}

/**
 * Which requests something other than CouchDB answers.
 *
 * - `from`: the first of them, counted from 0
 * - `times`: how many; `Infinity` for good
 * - `carriesOut`: whether the request reaches the server all the same
 */
export interface Plan {
  readonly from: number
  readonly times: number
  readonly carriesOut: boolean
  readonly response: Transport.BufferedResponse
}

const json = (couch: CouchHttp.Service, path: string): Effect.Effect<Json.Json | undefined> =>
  couch.execute({ method: "GET", path, route: path }).pipe(
    Effect.map(({ body }): Json.Json | undefined =>
      JSON.parse(typeof body === "string" ? body : new TextDecoder().decode(body))
    ),
    Effect.orElseSucceed(() => undefined)
  )

type Members = Readonly<Record<string, Json.Json>>

/** What the server adds to a document, which differs from run to run. */
const ofTheServer = /^(?:_rev|_revisions|salt|derived_key|password_scheme|pbkdf2_prf|iterations|_replication_.*)$/

const leafText = (document: Members, withRevision: boolean): string =>
  JSON.stringify(
    Object.entries(document).filter(([key]) => !ofTheServer.test(key) || (withRevision && key === "_rev")).sort()
  )

const documentAt = (couch: CouchHttp.Service, path: string, withRevision: boolean) =>
  Effect.map(json(couch, `${path}?open_revs=all&revs=true`), (rows) =>
    new Set(
      (Array.isArray(rows) ? rows as ReadonlyArray<{ readonly ok?: Members }> : []).flatMap(({ ok }) =>
        ok === undefined ? [] : [leafText(ok, withRevision)]
      )
    ))

const stateOf = (couch: CouchHttp.Service, fixture: Fixture): Effect.Effect<State> =>
  Effect.gen(function*() {
    const documents = new Map<string, ReadonlySet<string>>()
    const settings = new Map<string, string>()
    for (const database of [fixture.db, fixture.target, fixture.db.replace("scene", "new")]) {
      const info = yield* json(couch, `/${database}`)
      settings.set(database, info !== undefined && "db_name" in (info as Members) ? "exists" : "missing")
      if (settings.get(database) === "missing") continue
      for (const name of ["_security", "_revs_limit", "_purged_infos_limit"]) {
        settings.set(`${database}/${name}`, JSON.stringify(yield* json(couch, `/${database}/${name}`)))
      }
      const changes = yield* json(couch, `/${database}/_changes?style=all_docs`)
      const rows = ((changes as Members)["results"] ?? []) as unknown as ReadonlyArray<{ readonly id: string }>
      for (const { id } of rows) {
        const leaves = yield* documentAt(
          couch,
          `/${database}/${
            id.startsWith("_design/") ? `_design/${encodeURIComponent(id.slice(8))}` : encodeURIComponent(id)
          }`,
          true
        )
        documents.set(`${database}/${id}`, leaves)
      }
    }
    for (const user of [fixture.user, `${fixture.user}-new`]) {
      documents.set(`_users/${user}`, yield* documentAt(couch, `/_users/org.couchdb.user:${user}`, false))
    }
    return { documents, settings }
  })

/** Names of a scene, sequences and what a write was told of its quorum differ from run to run. */
const comparable = (value: unknown, fixture: Fixture): string => {
  const suffix = fixture.db.slice("scene-".length)
  const text = JSON.stringify(
    value,
    (key, part: unknown) =>
      key === "durability" || key === "updateSequence" || key === "collection"
        ? undefined
        : typeof part === "string" && /^\d+-(?![0-9a-f]{32}$)./.test(part)
        ? "a sequence"
        : part
  )
  return (text ?? "undefined").replaceAll(suffix, "…")
}

const named = (state: State, fixture: Fixture): State => {
  const suffix = fixture.db.slice("scene-".length)
  const name = (text: string) => text.replaceAll(suffix, "…")
  return {
    documents: new Map(
      Array.from(state.documents, ([key, leaves]) => [name(key), new Set(Array.from(leaves, name))])
    ),
    settings: new Map(Array.from(state.settings, ([key, text]) => [name(key), name(text)]))
  }
}

/** Runs an operation on a scene of its own, while something other than CouchDB answers as the plan says. */
export const runWithFaults = (
  { clean, middlebox, remote, timed }: TestServer,
  faulty: CouchHttp.Service,
  operation: Operation,
  plan: Plan | undefined
): Effect.Effect<FaultRun> => {
  const by = (couch: CouchHttp.Service) => Effect.provideService(CouchHttp.CouchHttp, couch)
  return Effect.scoped(Effect.gen(function*() {
    const limit = operation.endless ? "2 minutes" : "20 minutes"
    middlebox.use(undefined)
    const fixture = yield* makeFixture(remote).pipe(by(clean))
    const prepared = yield* operation.prepare(fixture).pipe(by(clean))
    const before = named(yield* stateOf(clean, fixture), fixture)
    middlebox.use(
      plan === undefined ? undefined : ({ number }) =>
        number >= plan.from && number < plan.from + plan.times
          ? { _tag: "Response", response: plan.response, carriesOut: plan.carriesOut }
          : undefined
    )
    const exit = yield* timed(
      Effect.scoped(operation.run(fixture, prepared) as Effect.Effect<unknown, unknown, Scope>).pipe(by(faulty)),
      limit
    )
    const requests = middlebox.count()
    middlebox.use(undefined)
    const after = named(yield* stateOf(clean, fixture), fixture)
    const settled: Exit.Exit<unknown, unknown> = operation.settle === undefined
      ? Exit.void
      : yield* timed(
        Effect.scoped(operation.settle(fixture, prepared) as Effect.Effect<unknown, unknown, Scope>).pipe(by(faulty)),
        "20 minutes"
      )
    const atEnd = named(yield* stateOf(clean, fixture), fixture)
    return {
      requests,
      exit,
      value: Exit.isSuccess(exit) ? comparable(exit.value, fixture) : "",
      before,
      after,
      settled,
      atEnd
    }
  })).pipe(Effect.orDie) as Effect.Effect<FaultRun>
}

/** What went wrong in trials, each with the name of its plan. */
export interface Findings {
  readonly lost: Array<string>
  readonly doubled: Array<string>
  readonly falseSuccess: Array<string>
  readonly checkpointMoved: Array<string>
  /** Failures that only CouchDB may report, operations that neither succeed nor fail, and failures of what is repeated. */
  readonly wrongErrors: Array<string>
}

export const nothingFound = (): Findings => ({
  lost: [],
  doubled: [],
  falseSuccess: [],
  checkpointMoved: [],
  wrongErrors: []
})

/** How an operation fails that something other than CouchDB has kept from its end. */
export const foreignErrors: ReadonlySet<string> = new Set([
  "UnexpectedResponseError",
  "TooManyRequestsError",
  "TimeoutError",
  "TransportError"
])

const union = (one: ReadonlySet<string> | undefined, other: ReadonlySet<string> | undefined) =>
  new Set([...(one ?? []), ...(other ?? [])])

const equal = (one: State, other: State): string | undefined => {
  for (const key of new Set([...one.documents.keys(), ...other.documents.keys()])) {
    const [a, b] = [[...(one.documents.get(key) ?? [])].sort(), [...(other.documents.get(key) ?? [])].sort()]
    if (JSON.stringify(a) !== JSON.stringify(b)) return `${key}: ${a.join()} instead of ${b.join()}`
  }
  for (const key of new Set([...one.settings.keys(), ...other.settings.keys()])) {
    if (one.settings.get(key) !== other.settings.get(key)) {
      return `${key}: ${one.settings.get(key)} instead of ${other.settings.get(key)}`
    }
  }
  return undefined
}

/** Documents that an operation makes for a while. */
const temporary = /~staged-/

/** Compares a trial with the one in which nothing went wrong. */
export const compareRuns = (
  found: Findings,
  name: string,
  reference: FaultRun,
  seen: FaultRun,
  operation: Operation,
  plan: Plan,
  allowed = foreignErrors
): void => {
  if (Exit.isSuccess(seen.exit)) {
    const problem = equal(seen.after, reference.after)
    if (!operation.varies && seen.value !== reference.value) {
      found.falseSuccess.push(`${name}: it returned ${seen.value} instead of ${reference.value}`)
    } else if (problem !== undefined) found.falseSuccess.push(`${name}: ${problem}`)
  } else {
    const failure = Option.getOrUndefined(Cause.failureOption(seen.exit.cause))
    const tag = typeof failure === "object" && failure !== null && "_tag" in failure ? String(failure._tag) : "a defect"
    const stillRuns = operation.endless && plan.times === Infinity && tag === "a defect"
    if (!allowed.has(tag) && !stillRuns) {
      found.wrongErrors.push(`${name}: ${Cause.pretty(seen.exit.cause).slice(0, 300)}`)
    }
    for (const [key, leaves] of seen.after.documents) {
      if (temporary.test(key)) continue
      const known = union(reference.before.documents.get(key), reference.after.documents.get(key))
      const unknown = [...leaves].filter((leaf) => !known.has(leaf))
      if (unknown.length > 0) found.doubled.push(`${name}: ${key} has ${unknown.join()}`)
    }
    for (const [key, leaves] of reference.before.documents) {
      if (leaves.size > 0 && reference.after.documents.has(key) && !(seen.after.documents.get(key)?.size ?? 0)) {
        found.lost.push(`${name}: ${key}`)
      }
    }
    for (const [key, text] of seen.after.settings) {
      if (text !== reference.before.settings.get(key) && text !== reference.after.settings.get(key)) {
        found.lost.push(`${name}: ${key} is ${text}`)
      }
    }
  }
  if (Exit.isFailure(seen.settled)) {
    found.checkpointMoved.push(`${name}: ${Cause.pretty(seen.settled.cause).slice(0, 300)}`)
  } else if (operation.settle !== undefined && operation.name.startsWith("Replication.r")) {
    const problem = equal(seen.atEnd, reference.atEnd)
    if (problem !== undefined) found.checkpointMoved.push(`${name}: ${problem}`)
  }
}

/** How many trials there were, and what they found. */
export interface Tally extends Findings {
  operations: number
  runs: number
}

export const makeTally = (): Tally => ({ operations: 0, runs: 0, ...nothingFound() })

/** One line of all that a file tried, for a longer run. */
export const printTally = (
  name: string,
  { checkpointMoved, doubled, falseSuccess, lost, operations, runs, wrongErrors }: Tally
) =>
  process.stdout.write(
    `${name}: operations ${operations} · responses tried ${runs} · lost ${lost.length} · doubled ${doubled.length} · ` +
      `false success ${falseSuccess.length} · checkpoint moved ${checkpointMoved.length} · wrong errors ${wrongErrors.length}\n`
  )

export const addFindings = (tally: Tally, found: Findings, runs: number): void => {
  tally.operations++
  tally.runs += runs
  for (const key of ["lost", "doubled", "falseSuccess", "checkpointMoved", "wrongErrors"] as const) {
    tally[key].push(...found[key])
  }
}
