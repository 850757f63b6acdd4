import * as Either from "effect/Either"
import type { Answer, Context } from "../context.js"
import { byMethod } from "../context.js"
import { missing, noServerAdmin, refuse } from "../refusal.js"
import * as Req from "../request.js"
import * as Response from "../response.js"
import type { Server } from "../state.js"
import { isServerAdmin } from "../users.js"
import type { Replication } from "./replication.js"
import { parse } from "./replication.js"
import { run } from "./run.js"

const cancel = ({ server, user }: Context, { job }: Replication): Answer => {
  const running = server.replications.get(job)
  if (running === undefined) return Either.left(missing)
  if (running.owner !== user.name && !isServerAdmin(user)) return Either.left(noServerAdmin)
  server.replications.delete(job)
  return Either.right(Response.json(200, { ok: true, _local_id: job }))
}

const start = ({ server, user }: Context, replication: Replication): Answer => {
  const { job } = replication
  if (!server.replications.has(job)) {
    server.replications.set(job, { owner: user.name, run: (now) => run(replication, now) })
  }
  return Either.right(Response.json(202, { ok: true, _local_id: job }))
}

const post = (context: Context): Answer =>
  Either.gen(function*() {
    const { now, request, user } = context
    if (user.name === null && !isServerAdmin(user)) {
      return yield* refuse(401, "unauthorized", "You are not an authenticated user")
    }
    const replication = yield* parse(context, yield* Req.jsonObject(request))
    if (replication.cancel) return yield* cancel(context, replication)
    return yield* replication.continuous
      ? start(context, replication)
      : Either.map(run(replication, now), (body) => Response.json(200, body))
  })

/** `/_replicate` */
export const handle = (context: Context): Answer => byMethod(context, { POST: () => post(context) }, "POST")

// Two that fill each other come to rest; this ends those that would not.
const rounds = 100

/** Lets the continuous replications catch up with what a request did. */
export const settle = (server: Server, now: number): void => {
  for (let i = 0; i < rounds && server.replications.size > 0; i++) {
    const before = server.updates.seq
    // One that cannot run, because a database is gone, waits for better times.
    for (const { run } of server.replications.values()) run(now)
    if (server.updates.seq === before) return
  }
}
