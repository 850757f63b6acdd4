/** Random requests, valid and not. What they need of earlier answers stands in them as a placeholder. */
import type { Random } from "../../src/internal/random.js"

export interface Step {
  readonly method: string
  /** Below the database; empty for the database itself. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

type Make = (random: Random) => Step

const of = <A>(random: Random, first: A, ...more: ReadonlyArray<A>): A =>
  more[random.below(more.length + 1) - 1] ?? first

const ids = ["a", "b", "c", "d", "é", "x y", "A"] as const
const idOf = (random: Random): string => of(random, ...ids)
const at = (id: string): string => `/${encodeURIComponent(id)}`

/** A revision of a document: a recent one that an answer told, or one that nobody has. */
const revisionOf = (random: Random, id: string): string =>
  random.below(12) === 0
    ? of(random, "9-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "1-abc", "zzz", "")
    : `{{rev ${id} ${of(random, 0, 0, 0, 0, 1, 2)}}}`

const valueOf = (random: Random): unknown =>
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

const contentOf = (random: Random): Record<string, unknown> => {
  const content: Record<string, unknown> = {}
  for (let n = random.below(4); n > 0; n--) content[of(random, "v", "k", "n", "s")] = valueOf(random)
  if (random.below(40) === 0) content[of(random, "_foo", "_id", "_rev", "_deleted")] = valueOf(random)
  return content
}

const letters = ["a", "b", "c"] as const
const hash = (random: Random): string => of(random, ...letters).repeat(32)

/** The one line of ancestors of a revision, itself first: a real hash covers its parent, so that no revision has two. */
const lineOf = (start: number, letter: number): ReadonlyArray<string> =>
  Array.from({ length: start }, (_, back) => (letters[letter >> back] ?? "a").repeat(32))

/** A document as a replicator writes it, with a history of its own. Its revision tells all that is in it. */
const replicatedOf = (random: Random): unknown => {
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

const documentOf = (random: Random): unknown => {
  const id = idOf(random)
  return {
    _id: id,
    ...(random.below(3) === 0 ? {} : { _rev: revisionOf(random, id) }),
    ...(random.below(6) === 0 ? { _deleted: true } : {}),
    ...contentOf(random)
  }
}

const several = <A>(random: Random, make: (random: Random) => A): ReadonlyArray<A> =>
  Array.from({ length: random.below(4) }, () => make(random))

const queryOf = (random: Random, ...parameters: ReadonlyArray<string>): string => {
  const chosen = new Set(several(random, () => of(random, "", ...parameters)).filter((parameter) => parameter !== ""))
  return chosen.size === 0 ? "" : `?${Array.from(chosen).join("&")}`
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

const selectorOf = (random: Random): unknown => {
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
  (random) => post("/_all_docs", { keys: several(random, () => of(random, "nope", ...ids)) }),
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
  (random) => post("/_changes?filter=_doc_ids", { doc_ids: Array.from(new Set(several(random, idOf))) }),
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

export const stepOf = (random: Random): Step => {
  const make = makes[random.below(makes.length)]
  return make === undefined ? { method: "GET", path: "" } : make(random)
}
