import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { hashedAttachments } from "../data/attachmentDigests.js"
import * as DatabaseName from "../data/DatabaseName.js"
import * as DocumentId from "../data/DocumentId.js"
import { structural } from "../data/equivalence.js"
import { type InvalidIdError } from "../data/errors.js"
import * as Json from "../data/Json.js"
import { documentPath, documentRoute } from "../data/path.js"
import * as Revision from "../data/Revision.js"
import { bodyOf, recordBody, stored } from "../document/base.js"
import { encode } from "../document/codec.js"
import type { Collection } from "../document/Collection.js"
import { type AnyConflict, withAttempted } from "../document/conflictError.js"
import type { Document } from "../document/Document.js"
import type { ReadError } from "../document/errors.js"
import { type ConflictError, type CurrentRevision, type DecodeError } from "../document/errors.js"
import { fetchBound, fetchBoundOption, readRaw } from "../document/read.js"
import { prepareWrite } from "../document/recorder.js"
import { snapshot } from "../document/snapshot.js"
import * as value from "../document/value.js"
import { save } from "../document/write.js"
import { revisionText } from "../http/bulk/revisionText.js"
import { conflictAsBadRequest } from "../http/conflictMapping.js"
import { CouchHttp, type CouchRequest } from "../http/CouchHttp.js"
import { type NotFoundError, type RequestError } from "../http/errors.js"
import { verifyWritten } from "../http/verification.js"
import type { Merge, Overlap } from "../merge/Merge.js"
import type { Again, Overlapping, Policy } from "./model.js"
import { OverlapError } from "./overlapError.js"
import { policy, type Settlement } from "./policy.js"

export const make = <A, I, R, K, E, R2>(
  _collection: Collection<A, I, R, K>,
  name: string,
  settle: (conflict: ConflictError<A, R>) => Effect.Effect<Document<A, R>, E, R2>
): Policy<A, E, R2> => policy(name, settle)

/** The current revision on the server, or `None` if the document is gone. */
const readCurrent = (
  conflict: AnyConflict
): Effect.Effect<Option.Option<CurrentRevision>, InvalidIdError | RequestError | NotFoundError, CouchHttp> =>
  Effect.flatMap(DatabaseName.decode(conflict.database), (database) => readRaw(database, conflict.id, "")).pipe(
    Effect.map(({ rev, stubs }) => Option.some({ rev, stubs })),
    Effect.catchIf(
      (error) => error._tag === "NotFoundError" && (error.reason === "missing" || error.reason === "deleted"),
      () => Effect.succeedNone
    )
  )

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- policies for every document
type ForAny<E = never, R = never> = Policy<any, E, R>

export const fail: ForAny<Again> = policy("fail", Effect.fail)

export const ignore: ForAny = policy("ignore", ({ attempted }) => Effect.succeed(attempted))

export const overwrite: ForAny<Again, CouchHttp> = policy(
  "overwrite",
  (conflict) => Effect.flatMap(readCurrent(conflict), conflict.repeat)
)

/** Re-creates a document that the other side deleted. If the document exists after all, the conflict remains. */
export const recreate = (conflict: AnyConflict) => conflict.repeat(Option.none())

/** Whether the document is gone. */
export const isGone = (conflict: AnyConflict) => Effect.map(readCurrent(conflict), Option.isNone)

export const keepTheirs: ForAny<ReadError, CouchHttp> = policy(
  "keepTheirs",
  ({ attempted }) => fetchBound(attempted.collection, attempted.id)
)

const clash = (why: string): Overlap => ({
  _tag: "Overlap",
  clashes: [{ path: [], why, base: Option.none(), mine: Option.none(), theirs: Option.none() }]
})

/** Writes attachments onto the other side's revision. If the body was edited too, only the caller can repeat both. */
const repeatAttachments = (conflict: AnyConflict, theirs: Option.Option<CurrentRevision>): Settlement =>
  value.isDirty(conflict.attempted) ? Effect.fail(conflict) : conflict.repeat(theirs)

export const merge = <A>(
  merge: Merge<A>
): Policy<A, Again | Overlapping | DecodeError, CouchHttp> =>
  policy("merge", (conflict: ConflictError<A, unknown, unknown>) => {
    const { attempted } = conflict
    const overlap = (found: Overlap, of = conflict) => Effect.fail(new OverlapError(of, found))
    return Effect.flatMap(fetchBoundOption(attempted.collection, attempted.id), (found): Settlement => {
      if (Option.isNone(found)) return overlap(clash("edited here, deleted there"))
      const theirs = found.value
      const base = Option.map(attempted.base, bodyOf)
      if (conflict.operation === "attachment") return repeatAttachments(conflict, theirs.base)
      if (conflict.operation === "delete") {
        return Option.isSome(base) && merge.equivalence(base.value, theirs.body)
          ? conflict.repeat(theirs.base)
          : overlap(clash("deleted here, edited there"))
      }
      const { copy } = snapshot(attempted.body)
      return Either.match(merge({ base, mine: attempted.body, theirs: theirs.body }), {
        // A custom merge may have edited the refused body in place.
        onLeft: (found) =>
          overlap(found, structural(copy, attempted.body) ? conflict : withAttempted(conflict, () => copy)),
        onRight: (body) => save(value.modify(theirs, () => body))
      })
    })
  })

export const reapply = <A, I, R, K>(
  _collection: Collection<A, I, R, K>,
  edit: (theirs: A, mine: A) => A
): Policy<A, Again | DecodeError, CouchHttp> =>
  policy("reapply", (conflict: ConflictError<A, unknown, unknown>) =>
    Effect.flatMap(
      fetchBound(conflict.attempted.collection, conflict.attempted.id),
      (theirs): Settlement =>
        conflict.operation === "attachment"
          ? repeatAttachments(conflict, theirs.base)
          : save(value.modify(theirs, (body) => edit(body, conflict.attempted.body)))
    ))

/** Stores the document as a sibling of the current revision, under the revision that it would have had. */
const writeSibling = <A, R>(attempted: Document<A, R>, conflict: AnyConflict) =>
  Effect.gen(function*() {
    const id = yield* DocumentId.decode(attempted.id)
    const { database } = attempted.collection
    const stubs = Option.flatMap(attempted.base, (base) => base.stubs)
    const taken = recordBody(attempted.collection, attempted.body)
    const { body: raw } = yield* prepareWrite(attempted.collection, {
      id,
      raw: yield* encode(attempted),
      over: attempted.base,
      base: attempted.base,
      kind: "edit"
    })
    const predicted = Option.flatMap(
      Option.match(stubs, { onNone: () => Option.some([]), onSome: hashedAttachments }),
      (attachments) => Revision.predict({ parent: attempted.rev, body: raw, attachments })
    )
    if (Option.isNone(predicted)) return yield* Effect.fail(conflict)
    const rev = predicted.value
    const request: CouchRequest = {
      method: "PUT",
      path: `${documentPath(database, id)}?new_edits=false`,
      route: documentRoute(id),
      database,
      id,
      body: revisionText(
        id,
        [rev, ...Option.toArray(attempted.rev)],
        false,
        Json.fromEntries([
          ...(Option.isSome(stubs) ? [["_attachments", stubs.value] as const] : []),
          ...Json.entries(raw)
        ])
      ),
      // Storing a revision that already exists has no effect.
      idempotent: true,
      verify: verifyWritten(id)
    }
    const couch = yield* CouchHttp
    const { status } = yield* conflictAsBadRequest(couch.execute(request))
    const base = stored(taken, rev, { raw, stubs })
    return value.clean(attempted.collection, attempted.id, status === 202 ? "accepted" : "quorum", base)
  })

export const fork: ForAny<Again, CouchHttp> = policy(
  "fork",
  (conflict) =>
    conflict.operation === "save" || conflict.operation === "create"
      ? writeSibling(conflict.attempted, conflict)
      : Effect.fail(conflict)
)
