import type * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Auth } from "../../http/Auth.js"
import type { CouchHttp } from "../../http/CouchHttp.js"
import type { Bound } from "../Collection.js"
import type { Document, FetchError, SaveError, UpdateOptions } from "../Document.js"

export type Updated<A, R> = Effect.Effect<Document<A, R>, FetchError | SaveError<A, R>, CouchHttp | R>

/**
 * An edit of one document, to be made on its stored version.
 *
 * - `edit`: gets `None` if the document does not exist
 * - `creates`: whether the edit may create the document; otherwise it fails if the document does not exist
 */
export interface Editing<A, R> {
  readonly collection: Bound<A, R>
  readonly id: string
  readonly edit: (body: Option.Option<A>) => A
  readonly creates: boolean
  readonly options: UpdateOptions | undefined
}

/** Edits with the same collection and credentials, so that each can continue with the document of the previous one. */
export interface Kind {
  readonly collection: unknown
  readonly auth: Option.Option<Auth>
}

export const sameKind = (self: Kind, that: Kind): boolean =>
  self.collection === that.collection &&
  (self.auth._tag === "Some"
    ? that.auth._tag === "Some" && self.auth.value === that.auth.value
    : that.auth._tag === "None")

/** Whether a save stored nothing, so that no request checked whether the document is still current. */
export const sentNothing = <A, R>(before: Document<A, R>, saved: Document<A, R>): boolean =>
  Option.getOrUndefined(before.rev) === Option.getOrUndefined(saved.rev)

export const nameOf = <A, R>({ collection, id }: Editing<A, R>): string => `${collection.database}/${id}`
