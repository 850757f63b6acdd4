/** Random valid and invalid requests. Placeholders stand for values of earlier responses. */
import type { Random } from "../../src/encoding/random.js"

export interface Step {
  readonly method: string
  /** The path below the database. Empty for the database itself. */
  readonly path: string
  /** Whether the path is that of the server, with `{db}` for the database. */
  readonly root?: boolean
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** The random generator, and the ids to choose from. */
export interface Source extends Random {
  readonly ids: ReadonlyArray<string>
}

type Make = (random: Source) => Step

const of = <A>(random: Random, first: A, ...more: ReadonlyArray<A>): A =>
  more[random.below(more.length + 1) - 1] ?? first

const idOf = (random: Source): string => random.ids[random.below(random.ids.length)] ?? "a"
const at = (id: string): string => `/${encodeURIComponent(id)}`

/** A revision of a document: a recent one from a response, or an unknown one. */
const revisionOf = (random: Source, id: string): string =>
  random.below(12) === 0
    ? of(random, "9-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "1-abc", "zzz", "")
    : `{{rev ${id} ${of(random, 0, 0, 0, 0, 1, 2)}}}`

const valueOf = (random: Source): unknown =>
  of<unknown>(
    random,
    1,
    0,
    -1.5,
    1e21,
    "x",
    "",
    "ü",
    null,
    true,
    [],
    [1, "a"],
    {},
    { b: 1 },
    { b: { c: [null] } },
    2,
    3
  )

const contentOf = (random: Source): Record<string, unknown> => {
  const content: Record<string, unknown> = {}
  for (let n = random.below(4); n > 0; n--) content[of(random, "v", "k", "n", "s")] = valueOf(random)
  if (random.below(40) === 0) content[of(random, "_foo", "_id", "_rev", "_deleted")] = valueOf(random)
  return content
}

const letters = ["a", "b", "c"] as const
const hash = (random: Source): string => of(random, ...letters).repeat(32)

/**
 * The ancestors of a revision, itself first. They depend on the revision only, because a real hash covers its parent.
 */
const lineOf = (start: number, letter: number): ReadonlyArray<string> =>
  Array.from({ length: start }, (_, back) => (letters[letter >> back] ?? "a").repeat(32))

/** A document as replication writes it, with its own history. Its content depends on its revision. */
const replicatedOf = (random: Source): unknown => {
  const start = 1 + random.below(3)
  const letter = random.below(letters.length)
  const ids = lineOf(start, letter)
  return {
    _id: idOf(random),
    _rev: `${start}-${ids[0] ?? ""}`,
    ...(start > 1 || random.below(3) === 0 ? { _revisions: { start, ids } } : {}),
    ...(letter === 2 ? { _deleted: true } : {}),
    v: start,
    k: letter
  }
}

const documentOf = (random: Source): unknown => {
  const id = idOf(random)
  return {
    _id: id,
    ...(random.below(3) === 0 ? {} : { _rev: revisionOf(random, id) }),
    ...(random.below(6) === 0 ? { _deleted: true } : {}),
    ...contentOf(random)
  }
}

const several = <A>(random: Source, make: (random: Source) => A): ReadonlyArray<A> =>
  Array.from({ length: random.below(4) }, () => make(random))

const queryOf = (random: Source, ...parameters: ReadonlyArray<string>): string => {
  const some = several(random, () => of(random, "", ...parameters)).filter((parameter) => parameter !== "")
  // In a partition, another one of two duplicate parameters is used.
  const chosen = new Map(some.map((parameter) => [parameter.split("=", 1)[0], parameter]))
  return chosen.size === 0 ? "" : `?${Array.from(chosen.values()).join("&")}`
}

const ranges = [
  "descending=true",
  "limit=2",
  "limit=0",
  "skip=1",
  "limit=-1",
  "include_docs=true",
  "conflicts=true",
  "inclusive_end=false",
  "update_seq=true",
  "key=%22a%22",
  "startkey=%22b%22",
  "endkey=%22c%22",
  "startkey=1",
  "endkey=%5B%5D",
  "key=1",
  "key=foo",
  "keys=%5B%22a%22%2C%22nope%22%5D"
]

const post = (path: string, body: unknown): Step => ({ method: "POST", path, body: JSON.stringify(body) })

const design = {
  views: {
    map: { map: "function(d){ emit(d.v, d.n) }" },
    count: { map: "function(d){ emit(d.v, 1) }", reduce: "_count" },
    sum: { map: "function(d){ if (typeof d.n === 'number') emit([typeof d.v, d.v], d.n) }", reduce: "_sum" },
    stats: { map: "function(d){ if (typeof d.n === 'number') emit(d.k, d.n) }", reduce: "_stats" },
    throwing: { map: "function(d){ emit(d.k.b, d.v.length) }" }
  }
}

const selectorOf = (random: Source): unknown => {
  const field = of(random, "v", "k", "n", "s", "v.b", "_id")
  const operator = of(
    random,
    "$eq",
    "$ne",
    "$gt",
    "$gte",
    "$lt",
    "$lte",
    "$exists",
    "$type",
    "$in",
    "$nin",
    "$size",
    "$all",
    "$mod",
    "$regex",
    "$nope"
  )
  const operand = operator === "$exists"
    ? of<unknown>(random, true, false)
    : operator === "$type"
    ? of<unknown>(random, "number", "string", "object", "array", "null", "boolean")
    : /\$(in|nin|all)/.test(operator)
    ? several(random, valueOf)
    : operator === "$size"
    ? random.below(3)
    : operator === "$mod"
    ? [2, random.below(2)]
    : operator === "$regex"
    ? of(random, "^x", "ü", "[a-z]+")
    : valueOf(random)
  const plain = { [field]: random.below(4) === 0 ? operand : { [operator]: operand } }
  const combined = of(random, "", "", "", "$and", "$or", "$nor", "$not")
  return combined === ""
    ? plain
    : { [combined]: combined === "$not" ? plain : [plain, { v: valueOf(random) }] }
}

const find = (random: Source): Record<string, unknown> => ({
  selector: selectorOf(random),
  ...(random.below(3) === 0 ? { limit: random.below(3) } : {}),
  ...(random.below(6) === 0 ? { skip: random.below(3) } : {}),
  ...(random.below(3) === 0 ? { fields: ["_id", of(random, "v", "k", "v.b", "_rev", "_conflicts")] } : {}),
  ...(random.below(6) === 0 ? { sort: [of<unknown>(random, "v", "_id", { n: "desc" })] } : {}),
  ...(random.below(8) === 0 ? { execution_stats: true } : {}),
  ...(random.below(8) === 0 ? { conflicts: true } : {}),
  ...(random.below(12) === 0 ? { use_index: of(random, "i", "nope", "_design/i") } : {}),
  ...(random.below(12) === 0 ? { bookmark: of(random, "nil", "", "garbage") } : {})
})

const partitionOf = (random: Source): string => of(random, "p", "q", "nope")

const multipart = (random: Source): Step => {
  const id = idOf(random)
  const content = of(random, "hello", "", "0123456789".repeat(20))
  const type = of(random, "text/plain", "application/octet-stream")
  const stub = { follows: true, content_type: type, length: content.length }
  const head = { ...contentOf(random), _attachments: { m: stub, ...(random.below(8) === 0 ? { n: stub } : {}) } }
  return {
    method: "PUT",
    path: `${at(id)}?rev=${revisionOf(random, id)}`,
    headers: { "content-type": "multipart/related; boundary=\"zoo\"" },
    body: `--zoo\r\ncontent-type: application/json\r\n\r\n${JSON.stringify(head)}\r\n` +
      `${"_attachments" in head && "n" in head._attachments ? `--zoo\r\n\r\n${content}\r\n` : ""}` +
      `--zoo\r\n\r\n${content}\r\n--zoo--`
  }
}

/** Requests that were added later. They are separate, so that earlier seeds keep their kinds of requests. */
const further: ReadonlyArray<Make> = [
  multipart,
  (random) => ({
    method: "GET",
    path: `${at(idOf(random))}?${of(random, "attachments=true", "open_revs=all", "open_revs=all&attachments=true")}`
  }),
  (random) => ({
    method: "GET",
    path: `${at(idOf(random))}/m`,
    headers: random.below(2) === 0 ? {} : { range: of(random, "bytes=0-0", "bytes=3-", "bytes=-3", "bytes=2-1,5-6") }
  }),
  () => ({ method: "GET", path: "/_purged_infos_limit" }),
  (random) => post(`/_design/d/_view/${of(random, "map", "count", "sum")}`, { keys: several(random, valueOf) }),
  (random) =>
    post("/_design/d/_view/map/queries", {
      queries: several(random, () => of<unknown>(random, { limit: 1 }, { key: 1 }, { descending: true }, { keys: [2] }))
    }),
  (random) => post("/_all_docs/queries", { queries: several(random, () => ({ keys: several(random, idOf) })) }),
  (random) => post("/_explain", find(random)),
  (random) => post("/_find", find(random)),
  (random) =>
    post("/_index", { index: { fields: several(random, () => of<unknown>(random, "v", "n", { k: "asc" })) } }),
  (random) => ({ method: "DELETE", path: `/_index/i/json/${of(random, "v", "n", "nope")}` }),
  (random) => ({ method: of(random, "GET", "PUT"), path: "/_revs_limit", body: of(random, "3", "1000", "0", "x") }),
  (random) => ({ method: "GET", path: `/_design_docs${queryOf(random, ...ranges)}` }),
  (random) => post("/_local_docs", { keys: several(random, () => of(random, "_local/a", "_local/b", "nope")) }),
  (random) => ({ method: "GET", path: `/_partition/${partitionOf(random)}` }),
  (random) => ({ method: "GET", path: `/_partition/${partitionOf(random)}/_all_docs${queryOf(random, ...ranges)}` }),
  (random) => post(`/_partition/${partitionOf(random)}/_find`, find(random)),
  (random) => ({
    method: "GET",
    path: `/_partition/${partitionOf(random)}/_design/d/_view/${of(random, "map", "sum")}${queryOf(random, ...ranges)}`
  }),
  () => ({ method: "GET", path: "/_shards" }),
  (random) => post("/_ensure_full_commit", of(random, {}, [])),
  (random) => ({ method: "GET", path: `${at(idOf(random))}/nope/${of(random, "", "x")}` })
]

const makes: ReadonlyArray<Make> = [
  (random) => ({ method: "PUT", path: at(idOf(random)), body: JSON.stringify(contentOf(random)) }),
  (random) => {
    const id = idOf(random)
    return { method: "PUT", path: `${at(id)}?rev=${revisionOf(random, id)}`, body: JSON.stringify(contentOf(random)) }
  },
  (random) => {
    const id = idOf(random)
    const body = JSON.stringify({ _rev: revisionOf(random, id), ...contentOf(random) })
    return { method: "PUT", path: at(id), body }
  },
  (random) => ({
    method: "PUT",
    path: at(idOf(random)),
    body: of(random, "{bad", "[]", "1", "", "null", "{\"a\":1,\"a\":2}")
  }),
  (random) => post("", documentOf(random)),
  (random) => {
    const id = idOf(random)
    return { method: "DELETE", path: random.below(6) === 0 ? at(id) : `${at(id)}?rev=${revisionOf(random, id)}` }
  },
  (random) => {
    const query = queryOf(
      random,
      "revs=true",
      "revs_info=true",
      "conflicts=true",
      "deleted_conflicts=true",
      "meta=true",
      "latest=true",
      "attachments=true",
      "att_encoding_info=true",
      "local_seq=true"
    )
    return { method: of(random, "GET", "GET", "GET", "HEAD"), path: at(idOf(random)) + query }
  },
  (random) => {
    const id = idOf(random)
    return {
      method: "GET",
      path: `${at(id)}?rev=${revisionOf(random, id)}${of(random, "", "&revs=true", "&latest=true")}`
    }
  },
  (random) => ({
    method: "GET",
    path: `${at(idOf(random))}?open_revs=all${of(random, "", "&revs=true")}`,
    headers: { accept: "application/json" }
  }),
  (random) => post("/_bulk_docs", { docs: several(random, documentOf) }),
  (random) => post("/_bulk_docs", { new_edits: false, docs: several(random, replicatedOf) }),
  (random) => post("/_bulk_docs", of<unknown>(random, {}, { docs: {} }, { docs: [1] }, { docs: [{ _id: 1 }] }, [])),
  (random) =>
    post(`/_bulk_get${queryOf(random, "revs=true", "latest=true", "attachments=true")}`, {
      docs: several(random, () => {
        const id = idOf(random)
        return random.below(2) === 0 ? { id } : { id, rev: revisionOf(random, id) }
      })
    }),
  (random) => {
    const id = idOf(random)
    return post(`/${of(random, "_revs_diff", "_missing_revs")}`, {
      [id]: [revisionOf(random, id), `2-${hash(random)}`]
    })
  },
  (random) => {
    const to = idOf(random)
    const destination = at(to).slice(1) + (random.below(2) === 0 ? "" : `?rev=${revisionOf(random, to)}`)
    return { method: "COPY", path: at(idOf(random)), headers: { destination } }
  },
  (random) => ({
    method: of(random, "PUT", "PUT", "GET", "DELETE"),
    path: `/_local/${of(random, "a", "b")}`,
    body: JSON.stringify(contentOf(random))
  }),
  (random) => ({ method: "GET", path: `/_local_docs${queryOf(random, ...ranges.slice(0, 6))}` }),
  (random) => ({ method: "GET", path: `/_all_docs${queryOf(random, ...ranges)}` }),
  (random) => post("/_all_docs", { keys: several(random, () => random.below(8) === 0 ? "nope" : idOf(random)) }),
  (random) => ({
    method: "GET",
    path: `/_changes${
      queryOf(
        random,
        "since=0",
        "since=now",
        "since={{seq}}",
        "limit=2",
        "limit=0",
        "descending=true",
        "include_docs=true",
        "conflicts=true",
        "style=all_docs",
        "filter=_design",
        "filter=nope/nope",
        "filter=_doc_ids"
      )
    }`
  }),
  (random) => post("/_changes?filter=_doc_ids", { doc_ids: several(random, idOf) }),
  (random) => post("/_changes?filter=_selector", { selector: selectorOf(random) }),
  (random) => {
    const id = idOf(random)
    const name = of(random, "t.txt", "dir/b.bin", "_t")
    return {
      method: of(random, "PUT", "PUT", "DELETE"),
      path: `${at(id)}/${name}?rev=${revisionOf(random, id)}`,
      headers: { "content-type": of(random, "text/plain", "application/octet-stream", "image/png") },
      body: of(random, "", "hello", "hello ".repeat(50))
    }
  },
  (random) => ({
    method: of(random, "GET", "HEAD"),
    path: `${at(idOf(random))}/${of(random, "t.txt", "dir/b.bin")}`,
    headers: random.below(4) === 0 ? { range: of(random, "bytes=1-2", "bytes=-2", "bytes=9-", "bytes=x") } : {}
  }),
  () => ({ method: "PUT", path: "/_design/d?rev={{rev _design/d 0}}", body: JSON.stringify(design) }),
  (random) => ({
    method: "GET",
    path: `/_design/d/_view/${of(random, "map", "count", "sum", "stats", "throwing", "nope")}${
      queryOf(random, "reduce=false", "group=true", "group_level=1", ...ranges)
    }`
  }),
  (random) =>
    post("/_find", {
      selector: selectorOf(random),
      ...(random.below(3) === 0 ? { limit: random.below(3) } : {}),
      ...(random.below(3) === 0 ? { fields: ["_id", of(random, "v", "k", "v.b")] } : {}),
      ...(random.below(6) === 0 ? { sort: [of<unknown>(random, "v", "_id", { n: "desc" })] } : {})
    }),
  (random) =>
    post("/_index", { index: { fields: [of(random, "v", "n", "k")] }, ddoc: "i", name: of(random, "v", "n") }),
  () => ({ method: "GET", path: "/_index" }),
  (random) =>
    random.below(2) === 0 ? { method: "GET", path: "/_security" } : {
      method: "PUT",
      path: "/_security",
      body: JSON.stringify(of<unknown>(random, {}, { members: { names: ["x"], roles: [] } }, []))
    },
  (random) => ({ method: of(random, "GET", "HEAD", "PUT"), path: "" })
]

/** The kinds of databases, and the ids in them. */
export const kinds = [
  { query: "q=1", ids: ["a", "b", "c", "d", "é", "x y", "A"] },
  { query: "q=1&partitioned=true", ids: ["p:a", "p:b", "q:a", "q:é", "p:", "a"] }
] as const

/** Keys without a partition. CouchDB sends two responses to them, and a client can read neither. */
const isAnsweredTwice = ({ body = "", path }: Step): boolean =>
  path.includes("_all_docs") && (path.includes("keys=") || /"(nope|a)"/.test(body))

const all = [...makes, ...further]

/** A request to a database of one kind. */
export const stepOf = (random: Random, ids: ReadonlyArray<string> = kinds[0].ids): Step => {
  const make = all[random.below(all.length)]
  const step = make === undefined ? { method: "GET", path: "" } : make({ ...random, ids })
  return ids === kinds[1].ids && isAnsweredTwice(step) ? stepOf(random, ids) : step
}

/** Replicates the database at the end of a history, and reads the copy. */
export const closing = (ids: ReadonlyArray<string>): ReadonlyArray<Step> => {
  const replicate: Step = {
    method: "POST",
    path: "/_replicate",
    root: true,
    body: JSON.stringify({
      source: "{{url}}/{db}",
      target: "{{url}}/{db}-copy",
      create_target: true,
      create_target_params: { q: 1 }
    })
  }
  return [
    replicate,
    { method: "GET", path: "/_changes?style=all_docs" },
    { method: "GET", path: "/_all_docs?include_docs=true&conflicts=true" },
    { method: "GET", path: "" },
    // Last, because a purge removes too many documents from the indexes of CouchDB 3.5.0, and breaks its counts.
    ...ids.flatMap((id): ReadonlyArray<Step> => [
      post("/_purge", { [id]: [`{{rev ${id} 0}}`, `{{rev ${id} 2}}`] }),
      { method: "GET", path: `${at(id)}?open_revs=all&revs=true`, headers: { accept: "application/json" } }
    ]),
    { method: "GET", path: "/_changes?style=all_docs" },
    { method: "GET", path: "/{db}-copy/_all_docs?include_docs=true&conflicts=true", root: true },
    ...ids.map((id): Step => ({
      method: "GET",
      path: `/{db}-copy${at(id)}?open_revs=all&revs=true&attachments=true`,
      root: true,
      headers: { accept: "application/json" }
    })),
    { method: "GET", path: "/{db}-copy/_changes?style=all_docs&limit=0", root: true }
  ]
}
