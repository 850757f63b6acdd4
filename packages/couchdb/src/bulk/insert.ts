import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Stream from "effect/Stream"
import * as DatabaseName from "../data/DatabaseName.js"
import * as DocumentId from "../data/DocumentId.js"
import * as Json from "../data/Json.js"
import type * as Revision from "../data/Revision.js"
import { type NoResponse, type Row, type RowResult, writePart } from "../http/bulk/bulkDocs.js"
import { revisionText } from "../http/bulk/revisionText.js"
import type { CouchHttp } from "../http/CouchHttp.js"
import type { InsertError, Options, Stored, Version } from "./Bulk.js"
import { type Item, sendAll, sizeOf } from "./pipeline.js"

/** The text of a version with its given revision. */
const versionText = ({ attachments, body, deleted, id, revisions }: Version): string =>
  revisionText(
    id,
    revisions,
    deleted === true,
    Json.fromEntries([
      ...(attachments === undefined ? [] : [["_attachments", attachments] as const]),
      ...Json.entries(body).filter(([key]) => !key.startsWith("_"))
    ])
  )

interface Payload extends Row {
  readonly rev: Revision.Revision
}

const settle = ({ id, rev }: Payload, result: RowResult | NoResponse): Either.Either<Stored, InsertError> =>
  result._tag === "Stored"
    ? Either.right({ id, rev, durability: result.durability })
    : Either.left(result.error)

export const insertStream = <E2, R2>(
  database: string,
  versions: Stream.Stream<Version, E2, R2>,
  options: Options
): Stream.Stream<Either.Either<Stored, InsertError>, E2, CouchHttp | R2> => {
  type Out = Item<Payload, Stored, InsertError>
  const items = Stream.map(
    versions,
    (version): Out =>
      Either.match(Either.all([DatabaseName.decode(database), DocumentId.decode(version.id)]), {
        onLeft: (error): Out => ({ _tag: "Known", result: Either.left(error) }),
        onRight: ([, id]): Out => {
          const text = versionText(version)
          return {
            _tag: "Sent",
            group: database,
            id,
            bytes: sizeOf(text),
            payload: { id, text, rev: version.revisions[0] }
          }
        }
      })
  )
  return sendAll<Payload, Stored, InsertError, E2, R2, never>(
    items,
    options,
    (group, payloads) =>
      Effect.match(writePart(DatabaseName.make(group), payloads, { newEdits: false }), {
        onFailure: (error) => payloads.map(() => Either.left<InsertError>(error)),
        onSuccess: (results) => payloads.map((payload, i) => settle(payload, results[i] as RowResult | NoResponse))
      })
  )
}
