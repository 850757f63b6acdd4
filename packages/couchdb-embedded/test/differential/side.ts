/** A compared server, which is the engine in process or a real one, and its responses so far. */
import { TransportError } from "effect-couchdb/CouchError"
import * as Transport from "effect-couchdb/Transport"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Http from "node:http"
import * as EmbeddedCouch from "../../src/engine/EmbeddedCouch.js"
import * as JavaScript from "../../src/functions/JavaScript.js"
import { basic, requestOf } from "../client.js"
import { normalise, without } from "../golden/normalise.js"
import type { Step } from "./steps.js"

export interface Answer {
  readonly status: number
  readonly text: string
}

/** Sends a step, with its placeholders filled in from earlier responses. */
export type Send = (step: Step) => Effect.Effect<Answer, TransportError>

type Request = (
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body: string | undefined
) => Effect.Effect<Answer, TransportError>

/** The server at a URL with credentials. */
export interface Target {
  readonly origin: URL
  readonly admin: { readonly username: string; readonly password: string } | undefined
}

const credentials = ({ admin }: Target): Readonly<Record<string, string>> =>
  admin === undefined ? {} : basic(admin.username, admin.password)

export const ofServer = (target: Target): Request => {
  // CouchDB may leave a connection out of sync after it rejected a request before reading it.
  const agent = new Http.Agent({ keepAlive: false, maxSockets: 1 })
  return (method, path, headers, body) =>
    Effect.async((resume) => {
      const fail = (cause: Error) =>
        resume(Effect.fail(new TransportError({ method, path, reason: "Connection", description: cause.message })))
      const request = Http.request(
        { agent, host: target.origin.hostname.replace(/^\[|\]$/g, ""), port: target.origin.port || 80, method, path },
        (response) => {
          const chunks: Array<Buffer> = []
          const answer = (): Answer => ({
            status: response.statusCode ?? 0,
            text: Buffer.concat(chunks).toString("utf8")
          })
          response.on("data", (chunk: Buffer) => chunks.push(chunk))
          response.on("error", fail)
          response.on("end", () => resume(Effect.succeed(answer())))
        }
      )
      request.on("error", fail)
      const all = { "content-type": "application/json", ...credentials(target), ...headers }
      for (const [name, value] of Object.entries(all)) {
        request.setHeader(name, value)
      }
      if (body !== undefined) {
        request.setHeader("content-length", Buffer.byteLength(body))
      }
      request.end(body)
      return Effect.sync(() => request.destroy())
    })
}

export const ofEngine = (target: Target, seed: number): Effect.Effect<Request> =>
  Effect.map(
    EmbeddedCouch.make({
      seed,
      interpreter: JavaScript.make(),
      admin: target.admin === undefined
        ? undefined
        : { username: target.admin.username, password: Redacted.make(target.admin.password) }
    }),
    (couch) => (method, path, headers, body) =>
      Effect.map(
        couch.handler(requestOf(method, path, { ...credentials(target), ...headers }, body)),
        (response) => ({ status: response.status, text: Transport.text(response) })
      )
  )

const told = /"(?:_id|id)":"([^"]+)"[^{}]*?"_?rev":"(\d+-[0-9a-z]+)"/g

/** The paths below one database, with the values of its responses. */
export const within = (request: Request, database: string, url: string): Send => {
  const revisions = new Map<string, Array<string>>()
  let sequence = "0"
  const fill = (text: string): string =>
    text
      .replaceAll(
        /\{\{rev (.+?) (\d)\}\}/g,
        (_, id: string, back: string) => revisions.get(id)?.[Number(back)] ?? "1-0"
      )
      .replaceAll("{{seq}}", () => sequence)
      .replaceAll("{{url}}", url)
      .replaceAll("{db}", database)
  const learn = (text: string): void => {
    for (const [, id = "", rev = ""] of text.matchAll(told)) {
      const known = revisions.get(id) ?? []
      if (!known.includes(rev)) revisions.set(id, [rev, ...known])
    }
    sequence = /"last_seq":"([^"]+)"/.exec(text)?.[1] ?? sequence
  }
  return ({ body, headers, method, path, root }) =>
    Effect.map(
      request(
        method,
        `${root === true ? "" : `/${database}`}${fill(path).replaceAll("?rev=1-0", "")}`,
        Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name, fill(value)])),
        body === undefined ? undefined : fill(body)
      ),
      (answer) => {
        learn(answer.text)
        // The responses differ in the name and the address of their server.
        const own = answer.text.replaceAll(database, "{db}").replaceAll(/"couchdb@[\w.]+"/g, "\"NODE\"")
        return { status: answer.status, text: without(["sizes", "index", "ref"], normalise(own)) }
      }
    )
}
