import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Json from "../data/Json.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import { type Failure, sendDecoded, sendOk } from "../http/send.js"
import type { ReshardStart, ReshardState } from "./Server.js"

export const Summary = Schema.Struct({
  state: Schema.String,
  reason: Schema.propertySignature(Schema.OptionFromNullOr(Schema.String)).pipe(Schema.fromKey("state_reason")),
  completed: Schema.Number,
  failed: Schema.Number,
  running: Schema.Number,
  stopped: Schema.Number,
  total: Schema.Number
})

export const Job = Schema.Struct({
  id: Schema.String,
  type: Schema.String,
  node: Schema.String,
  source: Schema.String,
  target: Schema.Array(Schema.String),
  state: Schema.propertySignature(Schema.String).pipe(Schema.fromKey("job_state")),
  phase: Schema.propertySignature(Schema.String).pipe(Schema.fromKey("split_state")),
  startTime: Schema.propertySignature(Schema.String).pipe(Schema.fromKey("start_time")),
  updateTime: Schema.propertySignature(Schema.String).pipe(Schema.fromKey("update_time"))
})

type Job = typeof Job.Type

const at = (id: string): string => `/_reshard/jobs/${encodeURIComponent(id)}`

const State = Schema.Struct({ state: Schema.String, reason: Schema.OptionFromNullOr(Schema.String) })

const change = (path: string, route: string, state: ReshardState, reason: string | undefined) =>
  sendOk({
    method: "PUT",
    path: `${path}/state`,
    route: `${route}/state`,
    body: Json.stringify({ state, ...(reason !== undefined && { reason }) }),
    idempotent: true
  })

export const summary = sendDecoded(Summary, { method: "GET", path: "/_reshard", route: "/_reshard" })

export const setState = (state: ReshardState, reason?: string) => change("/_reshard", "/_reshard", state, reason)

export const jobs: Effect.Effect<ReadonlyArray<Job>, Failure, CouchHttp> = Effect.map(
  sendDecoded(Schema.Struct({ jobs: Schema.Array(Job) }), {
    method: "GET",
    path: "/_reshard/jobs",
    route: "/_reshard/jobs"
  }),
  ({ jobs }) => jobs
)

export const job = (id: string): Effect.Effect<Job, Failure, CouchHttp> =>
  sendDecoded(Job, { method: "GET", path: at(id), route: "/_reshard/jobs/{jobid}" })

export const jobState = (id: string) =>
  sendDecoded(State, { method: "GET", path: `${at(id)}/state`, route: "/_reshard/jobs/{jobid}/state" })

export const setJobState = (id: string, state: ReshardState, reason?: string) =>
  change(at(id), "/_reshard/jobs/{jobid}", state, reason)

export const remove = (id: string) => sendOk({ method: "DELETE", path: at(id), route: "/_reshard/jobs/{jobid}" })

const Started = Schema.Array(
  Schema.Struct({
    id: Schema.optionalWith(Schema.String, { as: "Option" }),
    error: Schema.optionalWith(Schema.String, { as: "Option" }),
    node: Schema.String,
    shard: Schema.String
  })
)

export const start = ({ database, ...where }: ReshardStart) =>
  sendDecoded(Started, {
    method: "POST",
    path: "/_reshard/jobs",
    route: "/_reshard/jobs",
    body: Json.stringify({
      type: "split",
      ...(database !== undefined && { db: database }),
      ...(where.shard !== undefined && { shard: where.shard }),
      ...(where.range !== undefined && { range: where.range }),
      ...(where.node !== undefined && { node: where.node })
    })
  })
