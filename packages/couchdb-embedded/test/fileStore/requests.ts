/** Random valid requests, which use values of earlier responses. */
import type { Random } from "../../src/encoding/random.js"

export interface Request {
  readonly method: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

export interface Requests {
  readonly next: () => Request
  /** Records a response, so that later requests know its revisions and sequences. */
  readonly learn: (text: string) => void
}

const told = /"(?:_id|id)":"([^"]+)"[^{}]*?"_?rev":"(\d+-[0-9a-z]+)"/g
const ids = ["a", "b", "c", "d", "é", "x y", "_design/d"]

export const make = (random: Random, database: string): Requests => {
  const revisions = new Map<string, string>()
  let since = "0"
  const of = <A>(list: ReadonlyArray<A>, fallback: A): A => list[random.below(list.length)] ?? fallback
  const idOf = () => of(ids, "a")
  const revOf = (id: string) => revisions.get(id) ?? "1-0"
  const at = (id: string) => `/${database}/${id.startsWith("_design/") ? id : encodeURIComponent(id)}`
  const content = () => ({
    v: of<unknown>([1, 1.5, "ü💡", null, true, [], { b: [1, { c: 2 }] }, "x".repeat(300)], 0),
    n: random.below(5)
  })
  const documentOf = () => {
    const id = idOf()
    return {
      _id: id,
      ...(revisions.has(id) && random.below(4) > 0 ? { _rev: revOf(id) } : {}),
      ...(random.below(8) === 0 ? { _deleted: true } : {}),
      ...(random.below(5) === 0 ? { _attachments: { [of(["t", "u"], "t")]: attachment() } } : {}),
      ...content()
    }
  }
  const attachment = () =>
    random.below(3) === 0
      ? { stub: true }
      : { content_type: of(["text/plain", "image/png"], ""), data: btoa("text ".repeat(random.below(9))) }
  const replicated = () => {
    const start = 1 + random.below(4)
    const letter = of(["a", "b", "c"], "a")
    return {
      _id: idOf(),
      _revisions: { start, ids: Array.from({ length: start }, (_, i) => `${start - i}${letter.repeat(31)}`) },
      ...(letter === "c" ? { _deleted: true } : {}),
      ...content()
    }
  }
  const several = <A>(make: () => A) => Array.from({ length: 1 + random.below(4) }, make)
  const post = (path: string, body: unknown): Request => ({
    method: "POST",
    path: `/${database}${path}`,
    body: JSON.stringify(body)
  })
  const get = (path: string): Request => ({ method: "GET", path: `/${database}${path}` })
  const makes: ReadonlyArray<() => Request> = [
    () => {
      const { _id, ...body } = documentOf()
      return { method: "PUT", path: at(_id), body: JSON.stringify(body) }
    },
    () => post("", documentOf()),
    () => {
      const id = idOf()
      return { method: "DELETE", path: `${at(id)}?rev=${revOf(id)}` }
    },
    () => {
      const id = idOf()
      const headers = { "content-type": of(["text/plain", "image/png"], "") }
      return {
        method: of(["PUT", "PUT", "DELETE"], "PUT"),
        path: `${at(id)}/${of(["t", "dir/u.png"], "t")}?rev=${revOf(id)}`,
        headers,
        body: new Uint8Array(random.below(400)).map((_, i) => i % 7)
      }
    },
    () => post("/_bulk_docs", { docs: several(documentOf) }),
    () => post("/_bulk_docs", { new_edits: false, docs: several(replicated) }),
    () => {
      const [from, to] = [idOf(), idOf()]
      const destination = encodeURIComponent(to) + (revisions.has(to) ? `?rev=${revOf(to)}` : "")
      return { method: "COPY", path: at(from), headers: { destination } }
    },
    () => ({
      method: of(["PUT", "PUT", "DELETE"], "PUT"),
      path: `/${database}/_local/${of(["a", "b"], "a")}`,
      body: JSON.stringify(content())
    }),
    () => ({
      method: "PUT",
      path: `/${database}/_security`,
      body: JSON.stringify({ admins: { names: several(idOf), roles: [] } })
    }),
    () => ({ method: "PUT", path: `/${database}/_purged_infos_limit`, body: String(1 + random.below(99)) }),
    () => {
      const id = idOf()
      return post("/_purge", { [id]: [revOf(id)] })
    },
    () => post("/_index", { index: { fields: [of(["v", "n"], "n")] }, ddoc: "i", name: of(["v", "n"], "n") }),
    () => post("/_find", { selector: { n: { $gte: random.below(4) } }, limit: 3 }),
    () => get(`/_all_docs?include_docs=true&conflicts=true&limit=${random.below(9)}&startkey=%22b%22`),
    () => post("/_all_docs", { keys: several(idOf) }),
    () => get(`/_changes?since=${since}&style=all_docs&include_docs=true&limit=${1 + random.below(9)}`),
    () => ({
      ...get(`${at(idOf()).slice(database.length + 1)}?open_revs=all&revs=true&attachments=true`),
      headers: { accept: of(["application/json", "multipart/mixed"], "") }
    }),
    () => get(`${at(idOf()).slice(database.length + 1)}?revs_info=true&conflicts=true&attachments=true`),
    () => ({
      method: "GET",
      path: `${at(idOf())}/${of(["t", "dir/u.png"], "t")}`,
      headers: { range: `bytes=${random.below(9)}-${random.below(30)}` }
    }),
    () => post("/_bulk_get?revs=true", { docs: several(() => ({ id: idOf() })) }),
    () => {
      const id = idOf()
      return post("/_revs_diff", { [id]: [revOf(id), "2-abc"] })
    }
  ]
  return {
    next: () => {
      const { body, headers, ...rest } = of(makes, () => get(""))()
      return {
        ...rest,
        headers: { "content-type": "application/json", ...headers },
        ...(body === undefined ? {} : { body })
      }
    },
    learn: (text) => {
      for (const [, id = "", rev = ""] of text.matchAll(told)) revisions.set(id, rev)
      since = /"last_seq":"([^"]+)"/.exec(text)?.[1] ?? since
    }
  }
}
