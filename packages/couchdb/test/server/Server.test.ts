import { assert, describe, it } from "@effect/vitest"
import { CouchHttp, Server, Transport } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { makeResponse, transport } from "../support/transport.js"

describe("what no test should do to a server that others use", () => {
  it.effect("steps of a cluster and of its nodes are asked for as the reference says", () => {
    const asked: Array<unknown> = []
    const job = {
      id: "1",
      type: "split",
      node: "n",
      source: "s",
      target: ["a", "b"],
      job_state: "running",
      split_state: "initial_copy",
      start_time: "2019-03-28T15:28:02Z",
      update_time: "2019-03-28T15:28:08Z"
    }
    const answers: Readonly<Record<string, unknown>> = {
      "GET /_node/_local/_prometheus": "# TYPE couchdb_uptime_seconds counter\ncouchdb_uptime_seconds 7",
      "POST /_reshard/jobs": [{ ok: true, id: "1", node: "n", shard: "s" }, { error: "no", node: "m", shard: "s" }],
      "GET /_reshard/jobs/1": job,
      "GET /_reshard/jobs/1/state": { state: "running", reason: null }
    }
    const stub = Layer.succeed(
      Transport.Transport,
      transport(({ body, method, path }) =>
        Effect.sync(() => {
          asked.push([`${method} ${path}`, ...(typeof body === "string" ? [JSON.parse(body)] : [])])
          return makeResponse(200, answers[`${method} ${path}`] ?? { ok: true })
        })
      )
    )
    return Effect.gen(function*() {
      const password = Redacted.make("secret")
      yield* Server.setUpCluster({ action: "add_node", username: "ada", password, options: { host: "b", port: 5984 } })
      yield* Server.reloadConfig()
      assert.include(yield* Server.prometheus(), "uptime_seconds 7")
      yield* Server.setReshardState("stopped", "for tonight")
      const [started, refused] = yield* Server.startReshard({ database: "zoo", range: "00000000-7fffffff" })
      assert.deepStrictEqual([started?.id, refused?.error], [Option.some("1"), Option.some("no")])
      const running = yield* Server.reshardJob("1")
      assert.deepStrictEqual([running.state, running.phase, running.target], ["running", "initial_copy", ["a", "b"]])
      assert.deepStrictEqual(yield* Server.reshardJobState("1"), { state: "running", reason: Option.none() })
      yield* Server.setReshardJobState("1", "stopped")
      yield* Server.removeReshardJob("1")
      assert.deepStrictEqual(asked, [
        ["POST /_cluster_setup", { host: "b", port: 5984, action: "add_node", username: "ada", password: "secret" }],
        ["POST /_node/_local/_config/_reload", {}],
        ["GET /_node/_local/_prometheus"],
        ["PUT /_reshard/state", { state: "stopped", reason: "for tonight" }],
        ["POST /_reshard/jobs", { type: "split", db: "zoo", range: "00000000-7fffffff" }],
        ["GET /_reshard/jobs/1"],
        ["GET /_reshard/jobs/1/state"],
        ["PUT /_reshard/jobs/1/state", { state: "stopped" }],
        ["DELETE /_reshard/jobs/1"]
      ])
    }).pipe(Effect.provide(CouchHttp.layer({ url: "http://stub" }).pipe(Layer.provide(stub))))
  })
})
