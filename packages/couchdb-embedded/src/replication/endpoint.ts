import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import type { CheckedReply, Context } from "../access/context.js"
import { byMethod } from "../access/context.js"
import { isServerAdmin } from "../access/users.js"
import { missing, noServerAdmin, refuse } from "../http/refusal.js"
import * as Req from "../http/request.js"
import * as Response from "../http/response.js"
import * as Jobs from "./jobs.js"
import type { Replication } from "./replication.js"
import { parse } from "./replication.js"
import { run } from "./run.js"

/** The id of the replication to cancel, which may replace its description. */
const namedJob = (body: Json.JsonObject): string | undefined => {
  const name = Json.get(body, "cancel") === true
    ? Json.get(body, "replication_id") ?? Json.get(body, "id")
    : undefined
  return typeof name === "string" ? name : undefined
}

const cancel = ({ server, user }: Context, job: string): CheckedReply => {
  const running = server.jobs.get(job)
  if (running === undefined) return Either.left(missing)
  if (running.owner !== user.name && !isServerAdmin(user)) return Either.left(noServerAdmin)
  server.jobs.delete(job)
  return Either.right(Response.json(200, { ok: true, _local_id: job }))
}

const start = ({ now, server, user }: Context, replication: Replication): CheckedReply => {
  const { job } = replication
  if (!server.jobs.has(job)) {
    server.jobs.set(
      job,
      Jobs.make(replication, (now) => run(replication, now), { owner: user.name, document: undefined, now })
    )
  }
  return Either.right(Response.json(202, { ok: true, _local_id: job }))
}

const post = (context: Context): CheckedReply =>
  Either.gen(function*() {
    const { now, request, user } = context
    if (user.name === null && !isServerAdmin(user)) {
      return yield* refuse(401, "unauthorized", "You are not an authenticated user")
    }
    const body = yield* Req.jsonObject(request)
    const named = namedJob(body)
    if (named !== undefined) return yield* cancel(context, named)
    const replication = yield* parse(context, body)
    if (replication.cancel) return yield* cancel(context, replication.job)
    return yield* replication.continuous
      ? start(context, replication)
      : Either.map(run(replication, now), (body) => Response.json(200, body))
  })

/** `/_replicate` */
export const handle = (context: Context): CheckedReply => byMethod(context, { POST: () => post(context) }, "POST")
