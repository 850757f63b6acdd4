import * as Effect from "effect/Effect"
import * as DatabaseName from "../data/DatabaseName.js"
import * as Json from "../data/Json.js"
import * as Revision from "../data/Revision.js"
import type { WireError } from "../http/bulk/errors.js"
import { post } from "../http/bulk/post.js"
import { rowFailure } from "../http/bulk/rowFailure.js"
import type { HttpError } from "../http/errors.js"
import { isBulkGet } from "../http/verification.js"
import { type Missing, onEndpoint } from "./missing.js"
import type { Endpoint } from "./Replication.js"

/** A revision of a document from `_bulk_get`, as exact JSON. */
export interface Version {
  readonly id: string
  readonly rev: Revision.Revision
  readonly json: Json.JsonObject
  /** The latest ancestor that the target has. The target keeps attachments that are not newer than it. */
  readonly ancestor: Revision.Revision | undefined
}

/** The result of transferring a version. It is `Gone` if it was compacted away before it was read. */
export type Outcome =
  | { readonly _tag: "Written"; readonly version: Version }
  | { readonly _tag: "Refused"; readonly version: Version; readonly error: HttpError }
  | { readonly _tag: "Gone"; readonly version: Version }

/** The target's latest leaf revision that is an ancestor of the version. */
const ancestorOf = (json: Json.JsonObject, leaves: Missing["leaves"]): Version["ancestor"] => {
  const history = Json.get(json, "_revisions")
  const start = Number(Json.get(history, "start"))
  const hashes = Json.elements(Json.get(history, "ids"))
  return leaves
    .filter((rev) => hashes[start - Revision.generation(rev)] === Revision.parts(rev).hash)
    .sort((one, other) => Revision.generation(other) - Revision.generation(one))[0]
}

const idOf = (row: Json.JsonObject): string => String(Json.get(row, "id"))

const read = (
  source: Endpoint,
  rows: ReadonlyArray<Json.JsonObject>,
  attachments: boolean
): Effect.Effect<ReadonlyArray<Omit<Version, "ancestor">>, WireError> => {
  if (rows.length === 0) return Effect.succeed([])
  const database = DatabaseName.make(source.database)
  const query = `?revs=true&${attachments ? "attachments=true" : "att_encoding_info=true"}`
  return Effect.flatMap(
    onEndpoint(
      source,
      post(database, "_bulk_get", query, { docs: rows }, (response) => isBulkGet(response, rows.map(idOf)))
    ),
    ({ exact, response }) =>
      Effect.map(
        Effect.forEach(
          Json.elements(Json.get(exact, "results")).flatMap((result) => Json.elements(Json.get(result, "docs"))),
          (doc): Effect.Effect<ReadonlyArray<Omit<Version, "ancestor">>, WireError> => {
            const json = Json.get(doc, "ok")
            const id = Json.get(json, "_id")
            const rev = Json.get(json, "_rev")
            if (Json.isObject(json) && typeof id === "string" && Revision.isRevision(rev)) {
              return Effect.succeed([{ id, rev, json }])
            }
            // A missing version was compacted away. Its successor follows with a later change.
            const problem = Json.get(doc, "error") ?? null
            const failure = rowFailure(database, String(Json.get(problem, "id")), problem, response)
            return failure === undefined ? Effect.succeed([]) : Effect.fail(failure)
          }
        ),
        (versions) => versions.flat()
      )
  )
}

const keyOf = ({ id, rev }: { readonly id: string; readonly rev: string }): string => `${rev} ${id}`

/** Reads versions with stubs of their attachments. */
export const readWithStubs = (
  source: Endpoint,
  wanted: ReadonlyArray<Missing>
): Effect.Effect<ReadonlyArray<Version>, WireError> => {
  const leaves = new Map(wanted.map((each) => [keyOf(each), each.leaves]))
  return Effect.map(
    read(source, wanted.map(({ id, rev }) => Json.fromEntries([["id", id], ["rev", rev]])), false),
    (versions) =>
      versions.map((version) => ({
        ...version,
        ancestor: ancestorOf(version.json, leaves.get(keyOf(version)) ?? [])
      }))
  )
}

/** Reads versions with the content of the attachments that the target lacks. */
export const readWithAttachments = (
  source: Endpoint,
  versions: ReadonlyArray<Version>
): Effect.Effect<ReadonlyArray<Version>, WireError> => {
  const ancestors = new Map(versions.map((version) => [keyOf(version), version.ancestor]))
  return Effect.map(
    read(
      source,
      versions.map(({ ancestor, id, rev }) =>
        Json.fromEntries([
          ["id", id] as const,
          ["rev", rev] as const,
          ...(ancestor === undefined ? [] : [["atts_since", [ancestor]] as const])
        ])
      ),
      true
    ),
    (read) => read.map((version) => ({ ...version, ancestor: ancestors.get(keyOf(version)) }))
  )
}

/** An attachment to transfer. If its length is unknown, `length` is `Infinity`. */
export interface MissingAttachment {
  readonly length: number
  /**
   * Whether it is stored compressed. It must be sent as stored, because compressing it again may produce other bytes.
   */
  readonly compressed: boolean
}

/** The attachments to transfer: those that the target does not have from an ancestor. */
export const missingAttachments = ({ ancestor, json }: Version): ReadonlyArray<MissingAttachment> => {
  const stubs = Json.get(json, "_attachments")
  if (!Json.isObject(stubs)) return []
  const known = ancestor === undefined ? -1 : Revision.generation(ancestor)
  return Json.entries(stubs).flatMap(([, stub]) => {
    const revpos = Json.get(stub, "revpos")
    const length = Json.get(stub, "length")
    return typeof revpos === "number" && revpos <= known ? [] : [{
      length: typeof length === "number" ? length : Infinity,
      compressed: Json.get(stub, "encoding") !== undefined
    }]
  })
}
