import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { ChildProcess } from "node:child_process"
import { spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Http from "node:http"
import * as Os from "node:os"
import * as Path from "node:path"
import { bundle } from "../../../couchdb/test/support/bundle.js"
import { parse } from "../../src/cli/options.js"
import { basic } from "../client.js"

const program = bundle(new URL("../../src/bin.ts", import.meta.url))

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

interface Started {
  readonly child: ChildProcess
  readonly out: () => string
  readonly ended: Effect.Effect<Ended>
}

const start = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}) =>
  Effect.flatMap(program, (path) =>
    Effect.acquireRelease(
      Effect.sync((): Started => {
        const { COUCHDB_PASSWORD: _password, ...inherited } = process.env
        const child = spawn(process.execPath, [path, ...args], {
          env: { ...inherited, ...env },
          stdio: ["ignore", "pipe", "pipe"]
        })
        let [out, err] = ["", ""]
        child.stdout.setEncoding("utf8").on("data", (text: string) => out += text)
        child.stderr.setEncoding("utf8").on("data", (text: string) => err += text)
        const closed = new Promise<Ended>((resolve) => child.on("close", (code) => resolve({ code, out, err })))
        return { child, out: () => out, ended: Effect.promise(() => closed) }
      }),
      ({ child, ended }) => Effect.zipRight(Effect.sync(() => child.kill("SIGKILL")), ended)
    ))

const run = (...args: ReadonlyArray<string>) => Effect.scoped(Effect.flatMap(start(args), ({ ended }) => ended))

/** A running server and its URL. */
const serving = (args: ReadonlyArray<string>, env?: Readonly<Record<string, string>>) =>
  Effect.gen(function*() {
    const started = yield* start(["--port", "0", ...args], env)
    const url = yield* Effect.raceFirst(
      Effect.async<string>((resume) => {
        const look = (): void => {
          const found = /at (http:\S+), [^]*\nadministrator/.exec(started.out())
          if (found?.[1] !== undefined) resume(Effect.succeed(found[1]))
        }
        started.child.stdout?.on("data", look)
        look()
      }),
      Effect.flatMap(started.ended, ({ err }) => Effect.dieMessage(err))
    )
    return { ...started, url }
  })

const stop = ({ child, ended }: Started, signal: NodeJS.Signals = "SIGTERM") =>
  Effect.zipRight(Effect.sync(() => child.kill(signal)), ended)

const ask = (url: string, init: RequestInit = {}) =>
  Effect.tryPromise(async () => {
    const response = await fetch(url, init)
    return { status: response.status, headers: response.headers, text: await response.text() }
  })

const directory = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "couch-bin-"))),
  (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true, force: true }))
)

const asAdmin = { headers: basic("admin", "secret") }

describe("the command effect-couchdb-embedded", () => {
  it.live("prints its help and its version", () =>
    Effect.gen(function*() {
      const help = yield* run("--help")
      expect(help).toMatchObject({ code: 0, err: "" })
      for (const option of ["--port", "--data", "--admin", "--cors", "--q", "--seed", "--javascript", "--version"]) {
        expect(help.out).toContain(option)
      }
      expect(help.out).toContain("development and tests only")
      const { version } = JSON.parse(Fs.readFileSync(new URL("../../package.json", import.meta.url), "utf8"))
      expect(yield* run("--version")).toEqual({ code: 0, out: `${version}\n`, err: "" })
    }))

  it.live("exits with 2 and a hint if an argument is wrong", () =>
    Effect.gen(function*() {
      const { code, err, out } = yield* run("--nope", "--admin", "admin:secret")
      expect([code, out]).toEqual([2, ""])
      expect(err).toContain("--nope")
      expect(err).toContain("--help")
      expect(err).not.toContain("secret")
    }))

  it("names the wrong argument, and never prints a password", () => {
    for (
      const [args, message] of [
        [["--port", "70000"], "--port takes a number from 0 to 65535, not \"70000\""],
        [["--port", "-1"], "--port"],
        [["--q", "0"], "--q takes a number from 1 to 256, not \"0\""],
        [["--seed", "x"], "--seed takes a number"],
        [["--cors", "*"], "--cors takes one origin"],
        [["--cors", "http://localhost:5173/path"], "--cors takes one origin"],
        [["--data", ""], "--data takes a directory"],
        [["--admin", ":secret"], "--admin takes NAME:PASSWORD"],
        [["--admin", "secret:"], "--admin takes NAME:PASSWORD"],
        [["admin:secret"], "unexpected argument"]
      ] as const
    ) {
      const parsed = parse(args, {})
      expect(Either.isLeft(parsed) ? parsed.left : "").toContain(message)
      expect(JSON.stringify(parsed)).not.toContain("secret")
    }
  })

  it.scopedLive("keeps the data, ends feeds and releases the directory when it is stopped", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const first = yield* serving(["--data", path, "--admin", "admin:secret"])
      expect(first.out()).toContain("for development and tests only")
      expect(first.out()).toContain(path)
      expect(first.out()).not.toContain("secret")
      expect((yield* ask(`${first.url}/_all_dbs`)).status).toBe(401)
      expect((yield* ask(`${first.url}/db`, { method: "PUT", ...asAdmin })).status).toBe(201)
      expect((yield* ask(`${first.url}/db/x`, { method: "PUT", body: "{\"v\":1}", ...asAdmin })).status).toBe(201)
      const feed = yield* Effect.tryPromise(() => fetch(`${first.url}/db/_changes?feed=continuous`, asAdmin))
      const second = yield* Effect.scoped(Effect.flatMap(start(["--port", "0", "--data", path]), ({ ended }) => ended))
      expect(second.code).toBe(1)
      expect(second.err).toContain(`process ${first.child.pid} has it open`)
      const ended = yield* stop(first)
      expect([ended.code, ended.err]).toEqual([0, ""])
      expect(ended.out).toContain("stopped")
      yield* Effect.promise(() => feed.text().catch(() => ""))
      expect(Fs.readdirSync(path)).toEqual(["data.log"])
      const third = yield* serving(["--data", path], { COUCHDB_PASSWORD: "secret" })
      expect((yield* ask(`${third.url}/db/x`, asAdmin)).text).toContain("\"v\":1")
      expect((yield* stop(third, "SIGINT")).code).toBe(0)
    }))

  it.scopedLive("generates a password by default, and runs no JavaScript by default", () =>
    Effect.gen(function*() {
      const design = JSON.stringify({ views: { v: { map: "function(doc) { emit(doc._id) }" } } })
      const rows = (server: { readonly url: string }, password: string) =>
        Effect.gen(function*() {
          const headers = { ...basic("ada", password), "content-type": "application/json" }
          yield* ask(`${server.url}/db?q=3`, { method: "PUT", headers })
          yield* ask(`${server.url}/db/_design/d`, { method: "PUT", body: design, headers })
          yield* ask(`${server.url}/db/x`, { method: "PUT", body: "{}", headers })
          return (yield* ask(`${server.url}/db/_design/d/_view/v`, { headers })).text
        })
      const plain = yield* serving(["--admin", "ada"])
      const password = /generated password (\S+)/.exec(plain.out())?.[1] ?? ""
      expect(password.length).toBeGreaterThanOrEqual(16)
      expect(yield* rows(plain, password)).not.toContain("rows")
      const running = yield* serving(["--admin", "ada:x", "--javascript"])
      expect(running.out()).toContain("not in a sandbox")
      expect(yield* rows(running, "x")).toContain("{\"id\":\"x\",\"key\":\"x\"")
    }))

  it.scopedLive("accepts loopback names, and pages of the given origin", () =>
    Effect.gen(function*() {
      const { url } = yield* serving(["--admin", "admin:secret", "--cors", "http://localhost:5173"])
      const status = yield* Effect.async<number>((resume) => {
        Http.get(url, { headers: { host: "rebound.example" } }, (response) => {
          response.resume()
          resume(Effect.succeed(response.statusCode ?? 0))
        })
      })
      expect(status).toBe(400)
      const allowed = (origin: string, init: RequestInit) =>
        Effect.map(ask(url, { ...init, headers: { ...init.headers, origin } }), ({ headers, status }) => [
          status,
          headers.get("access-control-allow-origin"),
          headers.get("access-control-allow-credentials")
        ])
      const preflight = {
        method: "OPTIONS",
        headers: { "access-control-request-method": "PUT", "access-control-request-headers": "content-type" }
      }
      const ours = "http://localhost:5173"
      expect(yield* allowed(ours, preflight)).toEqual([204, ours, "true"])
      expect(yield* allowed(ours, {})).toEqual([200, ours, "true"])
      expect(yield* allowed("http://evil.example", preflight)).toEqual([405, null, null])
      expect(yield* allowed("http://evil.example", {})).toEqual([200, null, null])
    }))

  it.scopedLive("says which port is in use", () =>
    Effect.gen(function*() {
      const { url } = yield* serving([])
      const { code, err } = yield* run("--port", new URL(url).port)
      expect(code).toBe(1)
      expect(err).toContain(`port ${new URL(url).port} of 127.0.0.1 is in use`)
    }))
})
