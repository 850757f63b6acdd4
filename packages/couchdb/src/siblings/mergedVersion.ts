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

/** A merge that is to be written over the winner. */
export interface MergedVersion {
  readonly id: string
  readonly path: Path
  readonly raw: Json.JsonObject
  readonly files: Files
  readonly winner: Revision.Revision
  readonly deleted: boolean
}

/**
 * Names the merge: a child of the winner that says in its path which losers are in it, and whose revision is the hash of
 * what it says. `None` where an attachment has no digest to go by.
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

/** Whether the version that stands says all of it already. */
export const equalsWinner = (winner: Version, raw: Json.JsonObject, files: Files): boolean =>
  Json.stringify(winner.raw.raw) === Json.stringify(raw) &&
  Option.match(winner.raw.stubs, { onNone: () => 0, onSome: (stubs) => Json.keys(stubs).length }) === files.size &&
  Array.from(files).every(([name, { leaf, nameThere }]) => leaf === winner.raw.rev && name === nameThere)

/**
 * The text of the merge for `_bulk_docs`. Attachments of the winner go as stubs; those of losers with their bytes,
 * which the server stores as it did before.
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
        const attachments = Array.from(files, ([name, { leaf, nameThere, stub }]) => {
          const found = leaf === winner ? undefined : Json.get(whole.get(leaf), nameThere)
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

/** An attachment with its bytes, as if it was added with this generation, which tells replication to carry it along. */
const reuploaded = (attachment: Json.Json, generation: number): Json.Json =>
  Json.isObject(attachment)
    ? Json.fromEntries([
      ...Json.entries(attachment).filter(([key]) => key === "content_type" || key === "data"),
      ["revpos", generation]
    ])
    : attachment
