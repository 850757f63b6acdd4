import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as DatabaseName from "../../data/DatabaseName.js"
import * as DocumentId from "../../data/DocumentId.js"
import type { InvalidIdError } from "../../data/errors.js"
import type { Json, JsonObject } from "../../data/Json.js"
import * as JsonText from "../../data/Json.js"
import { documentPath } from "../../data/path.js"
import * as Revision from "../../data/Revision.js"
import { CouchHttp } from "../../http/CouchHttp.js"
import type { NotFoundError, RequestError } from "../../http/errors.js"
import { failWithServer } from "../../http/failWithServer.js"
import { unexpectedResponse } from "../../http/responseError.js"

export type Failure = InvalidIdError | NotFoundError | RequestError

/** The address of a design document. */
export interface Address {
  readonly database: DatabaseName.DatabaseName
  readonly id: DocumentId.DocumentId
}

export const address = (database: string, name: string): Effect.Effect<Address, InvalidIdError> =>
  Effect.all({ database: DatabaseName.decode(database), id: DocumentId.decode(`_design/${name}`) })

/** A stored design document. */
export interface Stored {
  readonly rev: Revision.Revision
  readonly body: JsonObject
  readonly attachments: Option.Option<JsonObject>
}

/** The stored design document, or `None`. A missing database is an error. */
export const read = ({ database, id }: Address): Effect.Effect<Option.Option<Stored>, Failure, CouchHttp> =>
  Effect.flatMap(CouchHttp, (couch) => couch.readDocument({ database, id, query: "" })).pipe(
    Effect.flatMap(({ exact: json }) => {
      const rev: Json | undefined = JsonText.isObject(json) ? JsonText.get(json, "_rev") : undefined
      if (!JsonText.isObject(json) || !Revision.isRevision(rev)) {
        const request = { method: "GET", path: documentPath(database, id), database, id } as const
        return failWithServer((from) =>
          unexpectedResponse(request, { status: 200, headers: {}, ...from }, "the response is not the document")
        )
      }
      const attachments = JsonText.get(json, "_attachments")
      return Effect.succeedSome<Stored>({
        rev,
        body: JsonText.fromEntries(JsonText.entries(json).filter(([key]) => !key.startsWith("_"))),
        attachments: JsonText.isObject(attachments) ? Option.some(attachments) : Option.none()
      })
    }),
    Effect.catchIf(
      (error) => error._tag === "NotFoundError" && (error.reason === "missing" || error.reason === "deleted"),
      () => Effect.succeedNone
    )
  )

/** Writes a new revision over the one that was read. */
export const write = ({ database, id }: Address, over: Option.Option<Stored>, body: JsonObject) =>
  Effect.flatMap(CouchHttp, (couch) =>
    couch.writeDocument({
      database,
      id,
      parent: Option.map(over, ({ rev }) => rev),
      body,
      attachments: Option.flatMap(over, ({ attachments }) => attachments),
      deleted: false
    }))

export const remove = ({ database, id }: Address, { rev }: Stored) =>
  Effect.flatMap(CouchHttp, (couch) =>
    couch.writeDocument({
      database,
      id,
      parent: Option.some(rev),
      body: {},
      attachments: Option.none(),
      deleted: true
    }))
