import { Collection, CouchHttp, Merge, Transport } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { database, raw } from "./suite.js"

export const Card = Schema.Struct({
  name: Schema.String,
  seen: Schema.Number.pipe(Merge.annotate(Merge.counter)),
  tags: Schema.Array(Schema.String).pipe(Merge.annotate(Merge.set))
})
export type Card = typeof Card.Type

type Cards = Collection.Collection<Card, typeof Card.Encoded>

/** A collection of cards in a database of its own. */
export const newCards = Effect.map(database, (name) => Collection.make(name, Card))

/** The answer's JSON. */
export const docOf = (response: Transport.BufferedResponse): Record<string, unknown> =>
  JSON.parse(Transport.text(response)) as Record<string, unknown>

/** What a test looks at in a leaf. */
export interface StoredLeaf {
  readonly _rev: string
  readonly _deleted?: boolean
  readonly name?: string
  readonly lineage?: {
    readonly of: string
    readonly into: { readonly rev: string }
    readonly doc: Record<string, unknown>
  }
}

/** Every leaf as the server has it, ordered by revision. */
export const leavesOf = (cards: Cards, id: string) =>
  Effect.map(
    raw("GET", `/${cards.database}/${id}?open_revs=all&revs=true`),
    (response) =>
      (JSON.parse(Transport.text(response)) as ReadonlyArray<{ readonly ok: StoredLeaf }>).map(({ ok }) => ok)
        .sort((a, b) => (a._deleted === true ? 1 : 0) - (b._deleted === true ? 1 : 0) || (a._rev < b._rev ? 1 : -1))
  )

/**
 * One document and its edits, all made of the same version, as replicas would that met afterwards. `unknown` gives it
 * members that the schema does not know, `clash` such that do not merge, `files` an attachment that all have.
 */
export const conflicted = (
  cards: Cards,
  id: string,
  edits: ReadonlyArray<(card: Card) => Card>,
  also: { readonly unknown?: boolean; readonly clash?: boolean; readonly files?: boolean } = {}
) =>
  Effect.gen(function*() {
    const extra = also.unknown === true || also.clash === true
      ? { note: { text: "t", big: 1.5 }, other: [1, { a: 1 }] }
      : {}
    const created = docOf(
      yield* raw("PUT", `/${cards.database}/${id}`, { name: "ada", seen: 10, tags: ["a", "b"], ...extra })
    )
    const rev = also.files === true
      ? yield* attach(cards, id, String(created["rev"]), "shared.txt", "text/plain", new TextEncoder().encode("shared"))
      : String(created["rev"])
    const [generation, hash] = rev.split("-")
    const revs: Array<string> = []
    const read = docOf(yield* raw("GET", `/${cards.database}/${id}`))
    for (const [i, edit] of edits.entries()) {
      const digits = String((i * 7 + 3) % 10).repeat(32)
      const start = Number(generation) + 1
      yield* raw("POST", `/${cards.database}/_bulk_docs`, {
        new_edits: false,
        docs: [{
          ...read,
          ...edit({ name: "ada", seen: 10, tags: ["a", "b"] }),
          ...(also.unknown === true && { note: { text: "t", big: 1.5, [`by${i}`]: i } }),
          ...(also.clash === true && { note: { text: `secret ${i}`, big: 1.5 } }),
          _rev: `${start}-${digits}`,
          _revisions: { start, ids: [digits, hash] }
        }]
      })
      revs.push(`${start}-${digits}`)
    }
    return revs
  })

/** Puts an attachment, and gives the revision that it makes. */
export const attach = (
  cards: Cards,
  id: string,
  rev: string,
  name: string,
  contentType: string,
  bytes: Uint8Array
): Effect.Effect<string, unknown, CouchHttp.CouchHttp> =>
  Effect.flatMap(CouchHttp.CouchHttp, (couch) =>
    Effect.map(
      couch.execute({
        method: "PUT",
        path: `/${cards.database}/${id}/${name.split("/").map(encodeURIComponent).join("/")}?rev=${rev}`,
        route: "/{db}/{docid}/{attname}",
        headers: { "content-type": contentType },
        body: bytes
      }),
      (response) => String(docOf(response)["rev"])
    ))

/** The bytes of an attachment. */
export const bytesOf = (cards: Cards, id: string, name: string) =>
  Effect.flatMap(CouchHttp.CouchHttp, (couch) =>
    Effect.map(
      couch.execute({
        method: "GET",
        path: `/${cards.database}/${id}/${name.split("/").map(encodeURIComponent).join("/")}`,
        route: "/{db}/{docid}/{attname}",
        headers: { accept: "*/*" }
      }),
      ({ body }) => typeof body === "string" ? new TextEncoder().encode(body) : Uint8Array.from(body)
    ))

/**
 * What replication does for one document: its leaves, with their paths and attachments. `ancestors` writes the common
 * ancestor first, as a replica that saw it before has it; `live` leaves tombstones out.
 */
export const copyLeaves = (
  from: Cards,
  to: Cards,
  id: string,
  options: { readonly ancestors?: boolean; readonly live?: boolean } = {}
) =>
  Effect.gen(function*() {
    const read = (query: string) => raw("GET", `/${from.database}/${id}?${query}`)
    const leaves = (JSON.parse(
      Transport.text(yield* read("open_revs=all&revs=true&attachments=true&att_encoding_info=true"))
    ) as ReadonlyArray<
      { readonly ok: StoredLeaf & { readonly _revisions: { start: number; ids: ReadonlyArray<string> } } }
    >)
      .map(({ ok }) => ok)
    const docs: Array<unknown> = []
    if (options.ancestors === true) {
      const path = leaves[0]?._revisions
      if (path !== undefined && path.start > 1) {
        const rev = `${path.start - 1}-${path.ids[1]}`
        docs.push(docOf(yield* read(`rev=${rev}&revs=true&attachments=true&att_encoding_info=true`)))
      }
    }
    docs.push(...leaves.filter(({ _deleted }) => options.live !== true || _deleted !== true))
    for (const doc of docs) {
      yield* raw("POST", `/${to.database}/_bulk_docs`, { new_edits: false, docs: [doc] })
    }
  })

/**
 * Lets the server replicate from one of its databases to another: by name where that is enough, else by the URL that it
 * was reached at.
 */
export const replicate = (from: Cards, to: Cards) => {
  const url = process.env["COUCHDB_URL"]
  const at = ({ database }: Cards) => url === undefined ? database : `${url.replace(/\/$/, "")}/${database}`
  const once = (where: (cards: Cards) => string) =>
    raw("POST", "/_replicate", { source: where(from), target: where(to) })
  return once(({ database }) => database).pipe(Effect.catchAll(() => once(at)))
}
