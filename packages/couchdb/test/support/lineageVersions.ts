import { Json, Revision } from "effect-couchdb"
import * as Lineage from "./lineageInternals.js"

type Rev = Revision.Revision

/** `rev(2, "a")` is the second generation, by a letter. */
export const rev = (generation: number, letter: string): Rev =>
  Revision.make(`${generation}-${letter.charCodeAt(0).toString(16).padStart(32, "0")}`)

export const version = (path: ReadonlyArray<Rev>, body: Json.JsonObject, deleted = false): Lineage.Version => ({
  id: "one",
  rev: path[0] as Rev,
  path,
  deleted,
  body,
  files: {}
})

export interface Written {
  readonly kind?: "edit" | "merge" | "delete"
  readonly over?: Lineage.Version
  readonly knows?: ReadonlyArray<Lineage.Version>
  readonly also?: ReadonlyArray<Rev>
}

/** Versions as a collection with these settings writes them. */
export const writer = (settings: Lineage.Settings) => ({
  /** A version with a record, over another one. */
  written: (
    at: Rev,
    body: Json.JsonObject,
    { also = [], kind = "edit", knows = [], over }: Written = {}
  ): Lineage.Version => {
    const before = over === undefined ? knows : [over, ...knows]
    const record = Lineage.makeRecord(Lineage.buildIndex(settings, before), {
      kind,
      parent: over?.rev ?? null,
      also,
      content: { body, files: {} },
      deleted: kind === "delete",
      edit: kind === "merge" ? undefined : `edit of ${at}`
    })
    return version(
      [at, ...over?.path ?? []],
      { ...(kind === "delete" ? {} : body), lineage: Lineage.signed(settings, "one", Lineage.encodeRecord(record)) },
      kind === "delete"
    )
  },
  /** The tombstone of a version. */
  mergeTombstone: (at: Rev, of: Lineage.Version, into: Lineage.MergedInto, keeps = true): Lineage.Version => {
    const { lineage, ...content } = of.body as { readonly [key: string]: Json.Json }
    const tombstone = Lineage.encodeTombstone({
      of: of.rev,
      ofParent: of.path[1] ?? null,
      into,
      content: keeps ? content as Json.JsonObject : undefined,
      field: lineage
    })
    return version([at, ...of.path], { lineage: Lineage.signed(settings, "one", tombstone) }, true)
  }
})

export const fieldOf = ({ body }: Lineage.Version): Json.JsonObject => {
  const field = Json.get(body, "lineage")
  if (!Json.isObject(field)) throw new Error("the version has no field")
  return field
}
