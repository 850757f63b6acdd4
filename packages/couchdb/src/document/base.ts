import type * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import { structural } from "../data/equivalence.js"
import * as Json from "../data/Json.js"
import type { Revision } from "../data/Revision.js"
import { decodeStored, encodeBody } from "./bodies.js"
import type { Bound } from "./Collection.js"
import type { Decode } from "./compiledDecoder.js"
import type { Base, Document } from "./Document.js"
import { overlay } from "./patch/overlay.js"
import { copyJson, type Snapshot, snapshot } from "./snapshot.js"

/** What the server has of a document. `isPlain`: whether `raw` is as `JSON.parse` made it. */
export interface Source {
  readonly raw: Json.JsonObject
  readonly stubs: Option.Option<Json.JsonObject>
  readonly isPlain?: boolean
}

/**
 * A copy of a body, kept if decoding the source again might give another one.
 *
 * - `encoded`: the body as the schema encodes it, if part of it is opaque
 * - `unsure`: whether the schema needs time or services to encode an opaque body
 */
interface Kept<out A> extends Snapshot<A> {
  readonly encoded: Json.JsonObject | undefined
  readonly unsure: boolean
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the requirements of any schema
type AnyBound<A> = Bound<A, any>

/** A body when it was decoded, or written. */
export interface Taken<in out A> {
  readonly collection: AnyBound<A>
  /** What a document was given, and what a program may edit in place. */
  readonly handed: A
  readonly kept: Kept<A> | undefined
}

interface Inside<in out A> extends Taken<A> {
  readonly source: Source
}

export const Inside: unique symbol = Symbol.for("effect-couchdb/Document/Base") as never

/**
 * What the server had, which no program can change: what it hands out is a copy, except for the body, which is compared
 * with what it was each time before it is used.
 */
export class Stored<in out A> implements Base<A> {
  readonly [Inside]: Inside<A>
  constructor(readonly rev: Revision, inside: Inside<A>) {
    this[Inside] = inside
  }
  get body(): A {
    return bodyOf(this)
  }
  get raw(): Json.JsonObject {
    return copyJson(this[Inside].source.raw)
  }
  get stubs(): Option.Option<Json.JsonObject> {
    return Option.map(this[Inside].source.stubs, copyJson)
  }
  toJSON(): unknown {
    return { _tag: "Base", rev: this.rev }
  }
  [Inspectable.NodeInspectSymbol](): unknown {
    return this.toJSON()
  }
}

const insideOf = <A>(base: Base<A>): Inside<A> => (base as Stored<A>)[Inside]

export const handedOf = <A>(base: Base<A>): A => insideOf(base).handed

/** The members as stored, for reading only. */
export const rawOf = (base: Base<unknown>): Json.JsonObject => insideOf(base).source.raw

/** Records a body as it is now; before the request, if it is written, since a program may edit it meanwhile. */
export const take = <A, R>(collection: Bound<A, R>, handed: A): Taken<A> => ({
  collection,
  handed,
  kept: isReproducible(collection.decode as Partial<Decode<A, R>>) ? undefined : keep(collection, handed)
})

/** The base of a body that was taken, and is stored like this. */
export const stored = <A>({ collection, handed, kept }: Taken<A>, rev: Revision, source: Source): Stored<A> =>
  new Stored(rev, { collection, handed, kept, source })

/** The base of a body that was just decoded. */
export const make = <A, R>(collection: Bound<A, R>, rev: Revision, handed: A, source: Source): Stored<A> =>
  stored(take(collection, handed), rev, source)

/** Whether decoding again gives an equal body. Known after the first document of a collection. */
const isReproducible = <A, R>(decode: Partial<Decode<A, R>>): boolean =>
  decode.isReproducible ??= decode.follows?.() === true

const keep = <A, R>(collection: Bound<A, R>, body: A): Kept<A> => {
  const { copy, opaque } = snapshotOf(body)
  const encoded = opaque ? encodeBody(collection, "", body) : Either.right(undefined)
  return { copy, opaque, encoded: Option.getOrUndefined(ifNow(encoded)), unsure: !Either.isEither(encoded) }
}

const snapshotOf = <A>(body: A): Snapshot<A> => {
  try {
    return snapshot(body)
  } catch {
    // A member that cannot be read, such as a getter that throws.
    return { copy: body, opaque: true }
  }
}

/** The result of an effect that needs neither time nor services. */
const ifNow = <A, E, R>(effect: Effect.Effect<A, E, R>): Option.Option<A> =>
  Either.isEither(effect) ? Either.getRight(effect as Either.Either<A, E>) : Option.none()

/** The body as the schema encodes it, if it does so now. */
const encodedNow = <A>(collection: AnyBound<A>, body: A): Json.JsonObject | undefined =>
  Option.getOrUndefined(ifNow(encodeBody(collection, "", body)))

/** The body decoded again, if that needs neither time nor services. */
const decodedNow = <A>({ collection, source: { isPlain, raw } }: Inside<A>): Option.Option<A> => {
  try {
    return ifNow(decodeStored(collection, isPlain === true ? raw : Json.toPlain(raw)))
  } catch {
    return Option.none()
  }
}

/**
 * What is known of a base.
 *
 * - `body`: as the server had it; if it was `edited`, it must not be handed out
 * - `edited`: whether the body that was handed out was edited in place
 * - `opaque`: whether part of it has private state, so that an edit shows only in what the schema encodes
 * - `encoded`: what the schema encoded of an opaque body
 * - `unsure`: whether the schema needs time or services for that, so that only a save detects an edit
 */
export interface State<out A> {
  readonly body: A
  readonly edited: boolean
  readonly opaque: boolean
  readonly encoded: Json.JsonObject | undefined
  readonly unsure: boolean
}

export const stateOf = <A>(base: Base<A>): State<A> => {
  const inside = insideOf(base)
  const { handed, kept } = inside
  const state: State<A> = {
    body: handed,
    edited: false,
    opaque: kept !== undefined && kept.opaque,
    encoded: kept?.encoded,
    unsure: kept !== undefined && kept.unsure
  }
  const was = kept === undefined ? decodedNow(inside) : Option.some(kept.copy)
  return Option.isSome(was) && isEdited(inside, was.value) ? { ...state, body: was.value, edited: true } : state
}

/** Whether a save would store anything but what is there: a change of what the schema leaves out is no edit. */
const isEdited = <A>({ collection, handed, kept, source }: Inside<A>, was: A): boolean => {
  const looksAlike = structural(was, handed)
  if (looksAlike && kept?.encoded === undefined) return false
  const before = kept?.encoded ?? encodedNow(collection, was)
  const after = encodedNow(collection, handed)
  if (before === undefined || after === undefined) return true
  if (Json.equals(overlay(source.raw, before, after), source.raw)) return false
  // A schema that encodes the same body differently each time does not show an edit of what is opaque.
  return !looksAlike || Option.exists(ifNow(encodeBody(collection, "", handed)), (again) => Json.equals(after, again))
}

/** The body as the server had it: the one that was handed out, unless that was edited. */
export const bodyOf = <A>(base: Base<A>): A => {
  const state = stateOf(base)
  return state.edited ? bodyBefore(base, state) : state.body
}

const bodyBefore = <A>(base: Base<A>, { body, opaque }: State<A>): A => opaque ? bodyAgain(base) : snapshotOf(body).copy

/** The body as another read would give it. */
const bodyAgain = <A>(base: Base<A>): A =>
  Option.getOrElse(decodedNow(insideOf(base)), () => snapshotOf(stateOf(base).body).copy)

/** The same base with another body that says the same. */
export const withBody = <A>(base: Base<A>, body: A, rev = base.rev): Stored<A> => {
  const { collection, source } = insideOf(base)
  return make(collection, rev, body, source)
}

/** The same base without edits in place. */
export const unedited = <A>(base: Base<A>): Base<A> => {
  const state = stateOf(base)
  return state.edited ? withBody(base, bodyBefore(base, state)) : base
}

/** The same base, with a body that no other document has. */
export const own = <A>(base: Base<A>, rev?: Revision): Base<A> => withBody(base, bodyAgain(base), rev)

/** The state of the base of a document; `undefined` if it has none. */
export const baseStateOf = <A, R>({ base }: Document<A, R>): State<A> | undefined =>
  Option.isSome(base) ? stateOf(base.value) : undefined

/** Whether the body of a document differs from the stored one. A document that was never saved is always dirty. */
export const isDirtyAgainst = <A, R>(
  { base, body, collection }: Document<A, R>,
  state: State<A> | undefined
): boolean =>
  Option.isNone(base) || state === undefined ||
  (body === insideOf(base.value).handed
    ? state.edited
    : !collection.equivalence(state.body, body) || (state.edited && state.opaque))

/** Whether a save must compare what it would store with what is stored. */
export const mayBeDirty = <A, R>(self: Document<A, R>, state: State<A> | undefined): boolean =>
  state?.unsure === true || isDirtyAgainst(self, state)

/** Whether these members are stored already: an edit may change only what the schema does not store. */
export const isStored = <A, R>(self: Document<A, R>, raw: Json.JsonObject): boolean =>
  Option.exists(self.base, (base) => Json.equals(rawOf(base), raw))
