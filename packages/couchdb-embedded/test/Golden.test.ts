import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as EmbeddedCouch from "../src/EmbeddedCouch.js"
import { concat } from "../src/internal/bytes.js"
import * as JavaScript from "../src/JavaScript.js"
import { admin, basic, client, requestOf } from "./client.js"
import transcript from "./golden/couchdb-3.5.0.json" with { type: "json" }

const Step = Schema.Struct({
  name: Schema.String,
  method: Schema.String,
  path: Schema.String,
  reqHeaders: Schema.optional(Schema.Record({ key: Schema.String, value: Schema.String })),
  reqBody: Schema.optional(Schema.Unknown),
  status: Schema.Number,
  text: Schema.optional(Schema.String),
  base64: Schema.optional(Schema.String),
  cut: Schema.optional(Schema.Unknown)
})
type Step = typeof Step.Type

/** What the embedded CouchDB does not have yet, by method and path. */
const notYet: ReadonlyArray<readonly [string, RegExp]> = [
  [
    "tasks, cluster, replication, scheduler",
    /\/_(active_tasks|membership|node|scheduler|cluster_setup|replicate|utils)/
  ],
  ["shards", /_shards|_time_seq/],
  ["cookie sessions", /^(POST|DELETE) \/_session/]
]

/** Steps whose answer says something that is not meant to be the same here, or that stands on steps left out. */
const apart: Readonly<Record<string, string>> = {
  "server root": "the embedded server says what it is",
  "_all_dbs": "there is no _global_changes here",
  "_all_dbs limit": "there is no _global_changes here",
  "_session GET cookie": "cookie sessions",
  "_session bad cookie": "cookie sessions",
  "view sorted=false": "unsorted rows come in any order",
  "_changes _view": "changes of several shards come in any order",
  "ddoc syntax error": "another engine of JavaScript, other words for a mistake",
  "_changes": "lists documents that were written off the record",
  "_changes continuous limit=1": "begins with a document that was written off the record",
  "_changes attachments": "counts documents that were written off the record",
  "_all_docs attachments": "counts documents that were written off the record",
  "_db_updates": "tells what that server did before",
  "_changes since": "goes on from a sequence of that server",
  "_changes desc": "lists documents that were written off the record",
  "_changes include_docs": "lists documents that were written off the record",
  "_changes style=all_docs conflicts": "counts documents that were written off the record",
  "_changes _doc_ids POST": "lists documents that were written off the record",
  "_changes _design": "lists documents that were written off the record",
  "_changes limit=0": "counts documents that were written off the record",
  "_changes seq_interval": "lists documents that were written off the record",
  "_replicator doc": "replication",
  "_purge": "purges a document that was written off the record",
  "db trailing slash": "counts documents that were written off the record",
  "X-HTTP-Method-Override": "reads a document that was written off the record"
}

/** What the views of the transcript show of documents that were written off the record. */
const collated = (): ReadonlyArray<unknown> => {
  const text = steps.find(({ name }) => name === "view collation")?.text ?? ""
  return Array.from(text.matchAll(/\{"id":"(c\d\d)","key":(.*),"value":null\}/g), ([, _id, key]) => ({
    _id,
    c: JSON.parse(key ?? "null")
  }))
}

/** What was written off the record, and later steps need. */
const before: Readonly<Record<string, () => readonly [string, string, unknown?]>> = {
  "_security GET default": () => ["PUT", "/probesec"],
  "vdu ddoc": () => ["PUT", "/probevdu"],
  "ddoc PUT": () => ["POST", "/probe/_bulk_docs", {
    docs: [
      ...collated(),
      { _id: "k1", k: ["a", 1], n: 1 },
      { _id: "k2", k: ["a", 2], n: 2 },
      { _id: "k3", k: ["b", 1], n: 3 },
      { _id: "l1", ref: "k1" },
      { _id: "l2", ref: "nope" }
    ]
  }]
}

/** What was written while a feed was open, and after how many milliseconds; the body is JSON. */
const meanwhile: Readonly<Record<string, ReadonlyArray<readonly [number, string, string]>>> = {
  "_changes longpoll wake": [[300, "wake1", "{\"w\":1}"]],
  "_changes continuous since=now": [[500, "wake2", "{\"w\":2}"]],
  "_changes eventsource": [[500, "wake3", "{\"w\":3}"]],
  "_changes continuous _selector": [[300, "wake4", "{\"w\":4}"], [300, "wake5", "{\"w\":5}"]],
  "_changes longpoll filter nomatch then match": [[300, "wake6", "{}"], [300, "wake7", "{}"]]
}

/** How many milliseconds the recorded answer of a feed is long. */
const duration = (step: Step): number =>
  step.name === "_changes longpoll heartbeat" ? 900 : step.cut === undefined ? 60_000 : 1500

/** The steps that went out without credentials. */
const anonymous = /\banon\b|^_session anon/

const reasonToLeaveOut = (step: Step): string | undefined =>
  apart[step.name] ?? notYet.find(([, pattern]) => pattern.test(`${step.method} ${step.path}`))?.[0]

/** What differs from server to server and from run to run. */
const normalise = (text: string, idPrefix: string): string =>
  text
    .replaceAll(new RegExp(`${idPrefix}[0-9a-f]{6}`, "g"), "ID")
    .replace(/"\d+-[A-Za-z0-9_=-]{40,}"/g, "\"SEQ\"")
    .replace(/"instance_start_time":"\d+"/g, "\"instance_start_time\":\"T\"")
    .replace(/"sizes":\{[^}]*\}/g, "\"sizes\":{}")
    .replace(/("updates_pending":|"update_seq":|"signature":|"execution_time_ms":)(\{[^}]*\}|"\w+"|[\d.]+)/g, "$1\"\"")
    .replace(/"bookmark": "[\w-]{20,}"/g, "\"bookmark\": \"BOOKMARK\"")
    .replace(/"ref":\d+/g, "\"ref\":0")
    .replace(/(--|boundary=")[0-9a-f]{32}/g, "$1BOUNDARY")
    .replace(/"(salt|derived_key)":"[0-9a-f]+"/g, "\"$1\":\"\"")
    .replace(/"iterations":\d+/, "\"iterations\":0")

/** The salt of a password is chance, and so is the revision of whatever holds one. */
const withoutSalt = (step: Step, text: string): string =>
  step.path.startsWith("/_users/") ? text.replace(/"1-[0-9a-f]{32}"/g, "\"REV\"") : text

/** `_revs_diff` answers in no order. */
const sortMembers = (step: Step, text: string): string =>
  step.path.endsWith("_revs_diff") && step.status === 200
    ? JSON.stringify(Object.entries(JSON.parse(text)).sort(([a], [b]) => a < b ? -1 : 1))
    : text

const bodyOf = ({ reqBody }: Step): unknown => {
  const large = Schema.is(Schema.Struct({ note: Schema.Literal("large body"), length: Schema.Number }))
  const binary = Schema.is(Schema.Struct({ base64: Schema.Uint8ArrayFromBase64 }).pipe(Schema.encodedSchema))
  if (binary(reqBody)) return Encoding.decodeBase64(reqBody.base64).pipe(Either.getOrThrow)
  return large(reqBody) ? JSON.stringify({ s: "x".repeat(reqBody.length - 8) }) : reqBody ?? ""
}

/** Generated ids stand in lists, so they must sort where those of the transcript do: behind `b1`, before `batch`. */
const seedLikeTheTranscript = Effect.gen(function*() {
  for (let seed = 1;; seed++) {
    const send = client(yield* EmbeddedCouch.make({ seed, admin }))
    const first = /"([0-9a-f]{26})/.exec((yield* send("GET", "/_uuids")).text)?.[1] ?? ""
    if (/^b[2-9a]/.test(first)) return { seed, prefix: first }
  }
})

/** Bytes as text, one character each. */
const latin1 = (bytes: Uint8Array): string => Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")

const recorded = ({ base64, text }: Step): string =>
  base64 === undefined ? text ?? "" : latin1(Encoding.decodeBase64(base64).pipe(Either.getOrThrow))

/** Sends the request of a step, and reads its answer, as far as it was recorded, while time goes by. */
const replay = (couch: EmbeddedCouch.Service, step: Step) =>
  Effect.scoped(Effect.gen(function*() {
    const { body, status } = yield* couch.stream({
      ...requestOf(
        step.method,
        step.path,
        { ...(anonymous.test(step.name) ? {} : basic("admin", "password")), ...step.reqHeaders },
        bodyOf(step)
      )
    })
    const chunks: Array<Uint8Array> = []
    const reading = yield* Effect.fork(Stream.runForEach(body, (chunk) => Effect.sync(() => chunks.push(chunk))))
    if (step.path.includes("feed=")) {
      let spent = 0
      for (const [after, id, text] of meanwhile[step.name] ?? []) {
        yield* TestClock.adjust(after)
        spent += after
        yield* client(couch, basic("admin", "password"))("PUT", `/probe/${id}`, { body: text })
      }
      yield* TestClock.adjust(duration(step) - spent)
    }
    if (step.cut === undefined) yield* Fiber.join(reading)
    const bytes = concat(chunks)
    return { status, text: step.base64 === undefined ? new TextDecoder().decode(bytes) : latin1(bytes) }
  }))

const steps = Schema.decodeUnknownSync(Schema.Array(Step))(transcript)

describe("the transcript of CouchDB 3.5.0", () => {
  it("is left out in part, by rules that each leave something out", () => {
    const names = new Set(steps.map(({ name }) => name))
    expect(Object.keys(apart).filter((name) => !names.has(name))).toEqual([])
    expect(Object.keys(before).filter((name) => !names.has(name))).toEqual([])
    const reasons = new Set(steps.map(reasonToLeaveOut))
    expect(notYet.map(([reason]) => reason).filter((reason) => !reasons.has(reason))).toEqual([])
    expect(steps.filter((step) => reasonToLeaveOut(step) === undefined).length).toBeGreaterThanOrEqual(334)
  })

  it.effect("is answered alike, in status and body", () =>
    Effect.gen(function*() {
      const { prefix, seed } = yield* seedLikeTheTranscript
      const couch = yield* EmbeddedCouch.make({ seed, admin, interpreter: JavaScript.make() })
      const send = client(couch)
      for (const step of steps) {
        const prepared = before[step.name]?.()
        if (prepared !== undefined) {
          const [method, path, body] = prepared
          yield* send(method, path, { headers: basic("admin", "password"), body })
        }
        if (reasonToLeaveOut(step) !== undefined) continue
        const reply = yield* replay(couch, step)
        const answered = {
          step: step.name,
          status: reply.status,
          text: normalise(withoutSalt(step, sortMembers(step, reply.text)), prefix)
        }
        expect(answered).toEqual({
          step: step.name,
          status: step.status,
          text: normalise(withoutSalt(step, sortMembers(step, recorded(step))), "ba9eabaf25c7cb3c97833193cd")
        })
      }
    }))
})
