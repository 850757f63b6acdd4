import type { Transport } from "effect-couchdb"

const ok = (body: unknown): Transport.BufferedResponse => ({
  status: 200,
  headers: { "content-type": "application/json", server: "CouchDB/3.5.0 (Erlang OTP/25)" },
  body: JSON.stringify(body)
})

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

const hits = {
  bookmark: "b",
  total_hits: 1,
  total_hits_relation: "EQUAL_TO",
  hits: [{
    id: "a",
    order: [{ "@type": "float", value: 1.5 }],
    fields: {},
    doc: { _id: "a", _rev: `1-${"a".repeat(32)}`, n: 10, text: "t", tags: [] }
  }],
  counts: null,
  ranges: null,
  update_latency: 3
}

const groups = {
  total_hits: 1,
  total_grouped_hits: 1,
  groups: [{
    by: "t",
    total_hits: 1,
    hits: [{
      id: "a",
      order: [1.5, 0],
      fields: {},
      doc: { _id: "a", _rev: `1-${"a".repeat(32)}`, n: 10, text: "t", tags: [] }
    }]
  }]
}

const responses: ReadonlyArray<readonly [request: RegExp, body: unknown]> = [
  [/^POST \/[^/]+\/_design\/[^/]+\/_nouveau\//, hits],
  [/^POST \/[^/]+\/_design\/[^/]+\/_search\//, groups],
  [/^GET \/[^/]+\/_design\/[^/]+\/_search_info\//, {
    name: "_design/d/i",
    search_index: { doc_count: 9, doc_del_count: 1, pending_seq: 7, committed_seq: 7, disk_size: 70 }
  }],
  [/^POST \/_search_analyze/, { tokens: ["a", "text"] }],
  [/^POST \/_cluster_setup/, { ok: true }],
  [/^PUT \/_reshard\/state/, { ok: true }],
  [/^POST \/_reshard\/jobs/, [{ ok: true, id: "1", node: "n", shard: "s" }]],
  [/^GET \/_reshard\/jobs\/1\/state/, { state: "running", reason: null }],
  [/^GET \/_reshard\/jobs\/1/, job],
  [/^(?:PUT|DELETE) \/_reshard\/jobs\/1/, { ok: true }]
]

/**
 * What CouchDB's reference documents as the response of a search index, which needs Java, and of the steps of a cluster,
 * which no test takes.
 */
export const documented = (method: string, path: string): Transport.BufferedResponse | undefined => {
  const found = responses.find(([request]) => request.test(`${method} ${path}`))
  return found === undefined ? undefined : ok(found[1])
}
