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

/** The stored version of a document. `isPlain`: whether `raw` is the result of `JSON.parse`. */
export interface Source {
  readonly raw: Json.JsonObject
  readonly stubs: Option.Option<Json.JsonObject>
  readonly isPlain?: boolean
}

/**
 * A copy of a body, kept if decoding the source again might return a different one.
 *
 * - `encoded`: the body encoded by the schema, if part of it is opaque
 * - `unsure`: whether the schema needs time or services to encode an opaque body
 */
interface Kept<out A> extends Snapshot<A> {
  readonly encoded: Json.JsonObject | undefined
  readonly unsure: boolean
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the requirements of any schema
type AnyBound<A> = Bound<A, any>

/** A body at the time when it was decoded or written. */
export interface RecordedBody<in out A> {
  readonly collection: AnyBound<A>
  /** The body of the document, which a program may edit in place. */
  readonly exposed: A
  readonly kept: Kept<A> | undefined
}

interface Internals<in out A> extends RecordedBody<A> {
  readonly source: Source
}

export const InternalsId: unique symbol = Symbol.for("effect-couchdb/Document/Base") as never

/**
 * The stored version, which no program can change: it returns copies, except for the body, which is compared with its
 * original value before each use.
 */
export class Stored<in out A> implements Base<A> {
  readonly [InternalsId]: Internals<A>
  constructor(readonly rev: Revision, internals: Internals<A>) {
    this[InternalsId] = internals
  }
  get body(): A {
    return bodyOf(this)
  }
  get raw(): Json.JsonObject {
    return copyJson(this[InternalsId].source.raw)
  }
  get stubs(): Option.Option<Json.JsonObject> {
    return Option.map(this[InternalsId].source.stubs, copyJson)
  }
  toJSON(): unknown {
    return { _tag: "Base", rev: this.rev }
  }
  [Inspectable.NodeInspectSymbol](): unknown {
    return this.toJSON()
  }
}

const internalsOf = <A>(base: Base<A>): Internals<A> => (base as Stored<A>)[InternalsId]

export const exposedOf = <A>(base: Base<A>): A => internalsOf(base).exposed

/** The stored members. They must not be changed. */
export const rawOf = (base: Base<unknown>): Json.JsonObject => internalsOf(base).source.raw

/** Records a body. If it is written, this happens before the request, since a program may edit it in the meantime. */
export const recordBody = <A, R>(collection: Bound<A, R>, exposed: A): RecordedBody<A> => ({
  collection,
  exposed,
  kept: isReproducible(collection.decode as Partial<Decode<A, R>>) ? undefined : keep(collection, exposed)
})

/** Makes the base of a recorded body that is stored as `source`. */
export const stored = <A>({ collection, exposed, kept }: RecordedBody<A>, rev: Revision, source: Source): Stored<A> =>
  new Stored(rev, { collection, exposed, kept, source })

/** Makes the base of a body that was just decoded. */
export const make = <A, R>(collection: Bound<A, R>, rev: Revision, exposed: A, source: Source): Stored<A> =>
  stored(recordBody(collection, exposed), rev, source)

/** Whether decoding again returns an equal body. It is computed for the first document of a collection. */
const isReproducible = <A, R>(decode: Partial<Decode<A, R>>): boolean =>
  decode.isReproducible ??= decode.computeReproducible?.() === true

const keep = <A, R>(collection: Bound<A, R>, body: A): Kept<A> => {
  const { copy, opaque } = snapshotOf(body)
  const encoded = opaque ? encodeBody(collection, "", body) : Either.right(undefined)
  return { copy, opaque, encoded: Option.getOrUndefined(ifNow(encoded)), unsure: !Either.isEither(encoded) }
}

const snapshotOf = <A>(body: A): Snapshot<A> => {
  try {
    return snapshot(body)
  } catch {
    // A member cannot be read, for example because its getter throws.
    return { copy: body, opaque: true }
  }
}

/** The result of an effect that needs neither time nor services. */
const ifNow = <A, E, R>(effect: Effect.Effect<A, E, R>): Option.Option<A> =>
  Either.isEither(effect) ? Either.getRight(effect as Either.Either<A, E>) : Option.none()

/** The body encoded by the schema, if that needs neither time nor services. */
const encodedNow = <A>(collection: AnyBound<A>, body: A): Json.JsonObject | undefined =>
  Option.getOrUndefined(ifNow(encodeBody(collection, "", body)))

/** The body decoded again, if that needs neither time nor services. */
const decodedNow = <A>({ collection, source: { isPlain, raw } }: Internals<A>): Option.Option<A> => {
  try {
    return ifNow(decodeStored(collection, isPlain === true ? raw : Json.toPlain(raw)))
  } catch {
    return Option.none()
  }
}

/**
 * The state of a base.
 *
 * - `body`: the stored body; if it was `edited`, only copies of it may be exposed
 * - `edited`: whether the exposed body was edited in place
 * - `opaque`: whether part of it has private state, so that only the encoded body shows an edit
 * - `encoded`: the encoded form of an opaque body
 * - `unsure`: whether the schema needs time or services to encode it, so that only a save detects an edit
 */
export interface State<out A> {
  readonly body: A
  readonly edited: boolean
  readonly opaque: boolean
  readonly encoded: Json.JsonObject | undefined
  readonly unsure: boolean
}

export const stateOf = <A>(base: Base<A>): State<A> => {
  const internals = internalsOf(base)
  const { exposed, kept } = internals
  const state: State<A> = {
    body: exposed,
    edited: false,
    opaque: kept !== undefined && kept.opaque,
    encoded: kept?.encoded,
    unsure: kept !== undefined && kept.unsure
  }
  const was = kept === undefined ? decodedNow(internals) : Option.some(kept.copy)
  return Option.isSome(was) && isEdited(internals, was.value) ? { ...state, body: was.value, edited: true } : state
}

/** Whether a save would change the stored members. A change that the schema does not encode is not an edit. */
const isEdited = <A>({ collection, exposed, kept, source }: Internals<A>, was: A): boolean => {
  const looksAlike = structural(was, exposed)
  if (looksAlike && kept?.encoded === undefined) return false
  const before = kept?.encoded ?? encodedNow(collection, was)
  const after = encodedNow(collection, exposed)
  if (before === undefined || after === undefined) return true
  if (Json.equals(overlay(source.raw, before, after), source.raw)) return false
  // If a schema encodes the same body differently each time, an edit of an opaque body cannot be detected.
  return !looksAlike || Option.exists(ifNow(encodeBody(collection, "", exposed)), (again) => Json.equals(after, again))
}

/** The stored body: the exposed one, unless it was edited. */
export const bodyOf = <A>(base: Base<A>): A => {
  const state = stateOf(base)
  return state.edited ? bodyBefore(base, state) : state.body
}

const bodyBefore = <A>(base: Base<A>, { body, opaque }: State<A>): A => opaque ? bodyAgain(base) : snapshotOf(body).copy

/** The body as another read would return it. */
const bodyAgain = <A>(base: Base<A>): A =>
  Option.getOrElse(decodedNow(internalsOf(base)), () => snapshotOf(stateOf(base).body).copy)

/** The same base with an equal body. */
export const withBody = <A>(base: Base<A>, body: A, rev = base.rev): Stored<A> => {
  const { collection, source } = internalsOf(base)
  return make(collection, rev, body, source)
}

/** The same base without edits in place. */
export const unedited = <A>(base: Base<A>): Base<A> => {
  const state = stateOf(base)
  return state.edited ? withBody(base, bodyBefore(base, state)) : base
}

/** The same base with a body that no other document shares. */
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
  (body === internalsOf(base.value).exposed
    ? state.edited
    : !collection.equivalence(state.body, body) || (state.edited && state.opaque))

/** Whether a save must compare what it would store with what is stored. */
export const mayBeDirty = <A, R>(self: Document<A, R>, state: State<A> | undefined): boolean =>
  state?.unsure === true || isDirtyAgainst(self, state)

/** Whether these members are stored already: an edit may change only parts that the schema does not encode. */
export const isStored = <A, R>(self: Document<A, R>, raw: Json.JsonObject): boolean =>
  Option.exists(self.base, (base) => Json.equals(rawOf(base), raw))
