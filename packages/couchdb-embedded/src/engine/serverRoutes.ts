import * as Either from "effect/Either"
import type { CheckedReply, Context } from "../access/context.js"
import * as Replication from "../replication/endpoint.js"
import * as Scheduler from "../replication/schedulerEndpoints.js"
import * as Server from "../server/server.js"

type Endpoint = (context: Context) => CheckedReply

const endpoints: Readonly<Record<string, Endpoint>> = {
  ...Server.endpoints,
  _replicate: Replication.handle,
  _active_tasks: (context) => Either.flatMap(Server.requireAdmin(context), () => Scheduler.activeTasks(context)),
  _scheduler: (context) => Either.flatMap(Server.requireAdmin(context), () => Scheduler.handle(context))
}

/** The endpoint of the server, if the path names one. */
export const find = (context: Context): Endpoint | undefined => {
  const [first] = context.request.segments
  if (context.request.segments.length === 0) return Server.welcome
  return first !== undefined && Object.hasOwn(endpoints, first) ? endpoints[first] : undefined
}
