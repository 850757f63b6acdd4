import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import type { CheckedReply, Context, Reply } from "../access/context.js"
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

type Feed = "normal" | "continuous" | "longpoll" | "eventsource"

const isFeed = (text: string): text is Feed => ["normal", "continuous", "longpoll", "eventsource"].includes(text)

interface Options {
  readonly feed: Feed
  readonly idle: Feeds.Idle
  readonly descending: boolean
  readonly initial: Progress
}

const natural = (text: string | undefined): Checked<number | undefined> =>
  text === undefined
    ? Either.right(undefined)
    : /^\+?\d+$/.test(text)
    ? Either.right(Number(text))
    : badRequest("invalid_integer")

const parse = ({ request, server }: Context): Checked<Options> =>
  Either.gen(function*() {
    const limit = (yield* natural(Req.param(request, "limit"))) ?? Infinity
    const given = Req.param(request, "heartbeat")
    const heartbeat = given === "true" || given === "false" ? given : String((yield* natural(given)) ?? "false")
    const timeout = yield* natural(Req.param(request, "timeout"))
    const feed = Req.param(request, "feed") ?? "normal"
    if (!isFeed(feed)) {
      return yield* badRequest("Supported `feed` types: normal, continuous, longpoll, eventsource")
    }
    const idle = yield* Feeds.parseIdle(
      heartbeat === "false" ? undefined : heartbeat,
      timeout === undefined ? undefined : String(timeout)
    )
    const descending = Req.param(request, "descending") === "true"
    const since = yield* decode(server, Req.param(request, "since") ?? "0")
    return { feed, idle, descending, initial: { seq: since, limit, begun: false } }
  })

/** Whether each update is its own line, and not an element of an array. */
const hasLines = (feed: Feed): boolean => feed === "continuous" || feed === "eventsource"

const printUpdate = (server: Server, feed: Feed, { database, seq, type }: Update): string => {
  const text = print({ db_name: database, type, seq: encode(server, seq) })
  switch (feed) {
    case "eventsource":
      return `data: ${text}\nid: ${print(encode(server, seq))}\n\n`
    case "continuous":
      return `${text}\n`
    default:
      return text
  }
}

const read = (
  server: Server,
  { descending, feed }: Options,
  { begun, limit, seq }: Progress
): Feeds.Batch<Progress> => {
  const later = Array.from(server.updates.log.values()).filter((update) => descending || update.seq > seq)
  const sent = (descending ? later.reverse() : later).slice(0, limit)
  const last = sent.length === later.length ? server.updates.seq : sent.at(-1)?.seq ?? seq
  const separator = hasLines(feed) ? "" : ",\r\n"
  const text = sent.map((update) => printUpdate(server, feed, update)).join(separator)
  const ends = feed === "normal" || descending || sent.length === limit || (feed === "longpoll" && sent.length > 0)
  return {
    text: text === "" || !begun ? text : separator + text,
    state: { seq: last, limit: limit - sent.length, begun: begun || sent.length > 0 },
    more: ends ? "never" : "later"
  }
}

const end = (server: Server, feed: Feed, { seq }: Progress): string => {
  const member = `"last_seq":${print(encode(server, seq))}}\n\n`
  return feed === "continuous" ? `{${member}` : feed === "eventsource" ? "\n" : `\n],\n${member}`
}

const respond = (context: Context): Checked<Reply> =>
  Either.map(parse(context), (options): Reply => {
    const { request, server } = context
    const { feed, idle, initial } = options
    const body = hasLines(feed) ? "" : "{\"results\":[\n"
    if (feed === "normal") {
      const etag = Response.etagOf(encode(server, server.updates.seq))
      const { state, text } = read(server, options, initial)
      return Response.unlessMatched(request, etag, () => ({
        status: 200,
        headers: { etag, "cache-control": "must-revalidate", "content-type": "application/json" },
        body: body + text + end(server, feed, state)
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
        read: (state) => Effect.succeed(read(server, options, state)),
        wait: ({ seq }) => Effect.as(Watchers.next(server.updates.watchers, () => server.updates.seq > seq), true),
        idle,
        wakeText: (why) => why === "heartbeat" ? "\n" : "",
        end: (state) => end(server, feed, state)
      })
    }
  })

/** `/_db_updates` */
export const get = (context: Context): CheckedReply => respond(context)
