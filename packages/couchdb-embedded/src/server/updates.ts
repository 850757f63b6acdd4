import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import type { Answer, Context, Reply } from "../access/context.js"
import { print } from "../encoding/printJson.js"
import * as Feeds from "../http/openFeed.js"
import type { Checked } from "../http/refusal.js"
import { badRequest } from "../http/refusal.js"
import * as Req from "../http/request.js"
import * as Response from "../http/response.js"
import type { Server, Update } from "../storage/state.js"
import * as Watchers from "../storage/watchers.js"

const encode = (server: Server, seq: number): string =>
  `${seq}-${Encoding.encodeBase64Url(JSON.stringify([server.uuid, seq]))}`

const decode = (server: Server, text: string): Checked<number> => {
  if (text === "0") return Either.right(0)
  if (text === "now") return Either.right(server.updates.seq)
  const decoded = Encoding.decodeBase64UrlString(text.replace(/^"?(?:\d+-)?(.*?)"?$/, "$1"))
  const parts = Either.isRight(decoded) ? /^\["([0-9a-f]+)",(\d{1,15})\]$/.exec(decoded.right) : null
  if (parts === null) return badRequest("Malformed sequence supplied in 'since' parameter.")
  return Either.right(parts[1] === server.uuid ? Number(parts[2]) : 0)
}

interface Progress {
  readonly seq: number
  readonly limit: number
  readonly begun: boolean
}

const natural = (text: string | undefined): Checked<number | undefined> =>
  text === undefined
    ? Either.right(undefined)
    : /^\+?\d+$/.test(text)
    ? Either.right(Number(text))
    : badRequest("invalid_integer")

const printUpdate = (server: Server, { database, seq, type }: Update): string =>
  print({ db_name: database, type, seq: encode(server, seq) })

const feedNames = ["normal", "continuous", "longpoll", "eventsource"]

const answer = (context: Context): Checked<Reply> =>
  Either.gen(function*() {
    const { request, server } = context
    const limit = (yield* natural(Req.param(request, "limit"))) ?? Infinity
    const beat = Req.param(request, "heartbeat")
    const heartbeat = beat === "true" || beat === "false" ? beat : String((yield* natural(beat)) ?? "false")
    const timeout = yield* natural(Req.param(request, "timeout"))
    const feed = Req.param(request, "feed") ?? "normal"
    if (!feedNames.includes(feed)) {
      return yield* badRequest("Supported `feed` types: normal, continuous, longpoll, eventsource")
    }
    const patience = yield* Feeds.patience(
      heartbeat === "false" ? undefined : heartbeat,
      timeout === undefined ? undefined : String(timeout)
    )
    const descending = Req.param(request, "descending") === "true"
    const since = yield* decode(server, Req.param(request, "since") ?? "0")
    const lines = feed === "continuous" || feed === "eventsource"
    const read = ({ begun, limit, seq }: Progress): Feeds.Look<Progress> => {
      const later = Array.from(server.updates.log.values()).filter((update) => descending || update.seq > seq)
      const told = (descending ? later.reverse() : later).slice(0, limit)
      const last = told.length === later.length ? server.updates.seq : told.at(-1)?.seq ?? seq
      const printed = told.map((update) => {
        const text = printUpdate(server, update)
        return feed === "eventsource" ? `data: ${text}\nid: ${print(encode(server, update.seq))}\n\n` : text
      })
      const text = feed === "continuous"
        ? printed.map((line) => `${line}\n`).join("")
        : printed.join(lines ? "" : ",\r\n")
      const ends = feed === "normal" || descending || told.length === limit || (feed === "longpoll" && told.length > 0)
      return {
        text: text === "" || !begun || lines ? text : `,\r\n${text}`,
        state: { seq: last, limit: limit - told.length, begun: begun || told.length > 0 },
        more: ends ? "never" : "later"
      }
    }
    const end = ({ seq }: Progress): string => {
      const member = `"last_seq":${print(encode(server, seq))}}\n\n`
      return feed === "continuous" ? `{${member}` : feed === "eventsource" ? "\n" : `\n],\n${member}`
    }
    const initial: Progress = { seq: since, limit, begun: false }
    const body = lines ? "" : "{\"results\":[\n"
    if (feed === "normal") {
      const etag = Response.etagOf(encode(server, server.updates.seq))
      const { state, text } = read(initial)
      return Response.unlessKnown(request, etag, () => ({
        status: 200,
        headers: { etag, "cache-control": "must-revalidate", "content-type": "application/json" },
        body: body + text + end(state)
      }))
    }
    return {
      status: 200,
      headers: feed === "eventsource"
        ? { "cache-control": "no-cache", "content-type": "text/event-stream" }
        : { "cache-control": "must-revalidate", "content-type": "application/json" },
      body,
      rest: Feeds.run<Progress>({
        initial,
        read: (state) => Effect.succeed(read(state)),
        wait: ({ seq }) => Effect.as(Watchers.next(server.updates.watchers, () => server.updates.seq > seq), true),
        patience,
        pulse: (why) => why === "heartbeat" ? "\n" : "",
        end
      })
    }
  })

/** `/_db_updates` */
export const get = (context: Context): Answer => answer(context)
