import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { hashedAttachments } from "../data/attachmentDigests.js"
import type { DatabaseName } from "../data/DatabaseName.js"
import type { InvalidIdError } from "../data/errors.js"
import * as Json from "../data/Json.js"
import * as Revision from "../data/Revision.js"
import type { Path } from "../data/revisionPath.js"
import { readRaw } from "../document/read.js"
import type { Version } from "../http/bulk/bulkGetVersions.js"
import type { WireError } from "../http/bulk/errors.js"
import { revisionText } from "../http/bulk/revisionText.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import type { Files } from "./files.js"
import { markedPath } from "./markers.js"
import { nameVersions, type VersionNames } from "./versionLists.js"

/** A merge to write as a descendant of the winner. */
export interface MergedVersion {
  readonly id: string
  readonly path: Path
  readonly raw: Json.JsonObject
  readonly files: Files
  readonly winner: Revision.Revision
  readonly deleted: boolean
}

/**
 * Creates the merge as a descendant of the winner. Its path names the losers, and its revision is computed from its
 * content. Returns `None` if an attachment has no digest.
 */
export const mergedVersion = (
  winner: Version,
  losers: ReadonlyArray<Version>,
  raw: Json.JsonObject,
  files: Files
): Option.Option<VersionNames & { readonly merge: MergedVersion }> =>
  Option.gen(function*() {
    const { lists, names } = yield* nameVersions(winner.raw.id, losers.map((loser) => loser.raw.rev))
    const onto = markedPath(winner.path, names)
    const attachments = yield* hashedAttachments(stubsOf(files))
    const rev = yield* Revision.predict({ parent: Option.some(onto[0]), body: raw, attachments })
    return {
      merge: { id: winner.raw.id, path: [rev, ...onto], raw, files, winner: winner.raw.rev, deleted: false },
      lists,
      names
    }
  })

export const stubsOf = (files: Files): Json.JsonObject =>
  Json.fromEntries(Array.from(files, ([name, { stub }]) => [name, stub]))

/** Whether the winner already equals the merge. */
export const equalsWinner = (winner: Version, raw: Json.JsonObject, files: Files): boolean =>
  Json.stringify(winner.raw.raw) === Json.stringify(raw) &&
  Option.match(winner.raw.stubs, { onNone: () => 0, onSome: (stubs) => Json.keys(stubs).length }) === files.size &&
  Array.from(files).every(([name, { leaf, nameInLeaf }]) => leaf === winner.raw.rev && name === nameInLeaf)

/**
 * Encodes the merge for `_bulk_docs`. Attachments of the winner are sent as stubs, those of losers with their bytes in
 * the stored encoding.
 */
export const textOf = (
  database: DatabaseName,
  { deleted, files, id, path, raw, winner }: MergedVersion
): Effect.Effect<string, InvalidIdError | WireError, CouchHttp> => {
  const [rev] = path
  const elsewhere = new Set(
    Array.from(files.values()).filter(({ leaf }) => leaf !== winner).map(({ leaf }) => leaf)
  )
  return Effect.forEach(elsewhere, (leaf) =>
    Effect.map(
      readRaw(database, id, `?rev=${encodeURIComponent(leaf)}&attachments=true`),
      (read) => [leaf, Option.getOrElse(read.stubs, (): Json.JsonObject => ({}))] as const
    )).pipe(
      Effect.map((read) => {
        const whole = new Map(read)
        const attachments = Array.from(files, ([name, { leaf, nameInLeaf, stub }]) => {
          const found = leaf === winner ? undefined : Json.get(whole.get(leaf), nameInLeaf)
          return [name, found === undefined ? stub : reuploaded(found, Revision.generation(rev))] as const
        })
        return revisionText(
          id,
          path,
          deleted,
          Json.fromEntries([
            ...(attachments.length === 0 ? [] : [["_attachments", Json.fromEntries(attachments)] as const]),
            ...Json.entries(raw)
          ])
        )
      })
    )
}

/** An attachment with its bytes. Its `revpos` is the new generation, so that replication transfers it. */
const reuploaded = (attachment: Json.Json, generation: number): Json.Json =>
  Json.isObject(attachment)
    ? Json.fromEntries([
      ...Json.entries(attachment).filter(([key]) => key === "content_type" || key === "data"),
      ["revpos", generation]
    ])
    : attachment
