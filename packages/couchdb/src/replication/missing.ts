import * as Effect from "effect/Effect"
import type { Change } from "../changes/Changes.js"
import * as DatabaseName from "../data/DatabaseName.js"
import * as Json from "../data/Json.js"
import * as Revision from "../data/Revision.js"
import type { WireError } from "../http/bulk/errors.js"
import { post } from "../http/bulk/post.js"
import { CouchHttp } from "../http/CouchHttp.js"
import { isRevsDiff, missingIn, revsDiffBody } from "../http/verification.js"
import type { Endpoint } from "./Replication.js"

/**
 * A revision that the target lacks. `leaves` are the target's leaf revisions of the document, which may be its
 * ancestors.
 */
export interface Missing {
  readonly id: string
  readonly rev: Revision.Revision
  readonly leaves: ReadonlyArray<Revision.Revision>
}

export const onEndpoint = <A, E>({ couch }: Endpoint, effect: Effect.Effect<A, E, CouchHttp>): Effect.Effect<A, E> =>
  Effect.provideService(effect, CouchHttp, couch)

const revisions = (json: Json.Json | undefined) => Json.elements(json).filter(Revision.isRevision)

/** Returns the revisions of these changes that the target lacks: `POST /{db}/_revs_diff`. */
export const missingAt = (
  target: Endpoint,
  changes: ReadonlyArray<Change<unknown>>
): Effect.Effect<ReadonlyArray<Missing>, WireError> => {
  if (changes.length === 0) return Effect.succeed([])
  const byId = new Map<string, ReadonlyArray<Revision.Revision>>()
  for (const { id, revisions } of changes) byId.set(id, [...(byId.get(id) ?? []), ...revisions])
  return Effect.map(
    onEndpoint(
      target,
      post(
        DatabaseName.make(target.database),
        "_revs_diff",
        "",
        revsDiffBody(byId),
        (response) => isRevsDiff(response, byId)
      )
    ),
    ({ exact }) =>
      Array.from(byId.keys()).flatMap((id) => {
        const response = Json.get(exact, id)
        const leaves = revisions(Json.get(response, "possible_ancestors"))
        const requested = byId.get(id) ?? []
        return revisions([...missingIn(exact, id)]).filter((rev) => requested.includes(rev)).map((rev) => ({
          id,
          rev,
          leaves
        }))
      })
  )
}
