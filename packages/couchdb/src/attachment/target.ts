import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { DatabaseName } from "../data/DatabaseName.js"
import * as DocumentId from "../data/DocumentId.js"
import { InvalidIdError } from "../data/errors.js"
import { documentPath, segmentProblem } from "../data/path.js"
import type * as Revision from "../data/Revision.js"
import type { Document } from "../document/Document.js"
import type { CouchRequest } from "../http/CouchHttp.js"
import type { Place } from "./Attachment.js"

/** The document of an attachment, as requests name it. */
export interface Spot {
  readonly database: DatabaseName
  readonly id: string
  readonly rev: Option.Option<Revision.Revision>
}

export const spotOf = <A, R>(target: Document<A, R> | Place): Spot =>
  "collection" in target
    ? { database: target.collection.database, id: target.id, rev: target.rev }
    : { database: target.database, id: target.id, rev: Option.fromNullable(target.rev) }

/** The name of an attachment, if it is valid. */
export const decodeName = (name: string): Either.Either<string, InvalidIdError> => {
  const problem = segmentProblem(name) ??
    (name.startsWith("_") ? "begins with an underscore, which CouchDB reserves" : undefined)
  return problem === undefined
    ? Either.right(name)
    : Either.left(new InvalidIdError({ kind: "attachment", value: name, problem }))
}

type Where = Pick<CouchRequest, "path" | "route" | "database" | "id">

/** The path and the target of a request about one attachment. */
export const fileAt = ({ database, id, rev }: Spot, name: string): Effect.Effect<Where, InvalidIdError> =>
  Effect.map(Either.all([DocumentId.decode(id), decodeName(name)]), ([id, name]) => ({
    path: `${documentPath(database, id)}/${encodeURIComponent(name)}` +
      Option.match(rev, { onNone: () => "", onSome: (rev) => `?rev=${encodeURIComponent(rev)}` }),
    route: "/{db}/{docid}/{attname}",
    database,
    id
  }))
