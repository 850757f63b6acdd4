/**
 * Revisions: what names a version of a document.
 *
 * A revision is `generation-hash`, and the hash is an MD5 of the content: the same write of the same parent has the
 * same name on every server, so that a write can be named before it is sent.
 *
 * @since 0.1.0
 */
import { md5 } from "@noble/hashes/legacy"
import * as Brand from "effect/Brand"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Order_ from "effect/Order"
import * as Schema_ from "effect/Schema"
import { fromBase64, fromHex, hex } from "./bytes.js"
import { TermWriter } from "./externalTerm.js"
import * as Json from "./Json.js"

/**
 * The name of one version of a document: `"3-917fa2381192822767f010b95b45325b"`.
 *
 * @since 0.1.0
 * @category model
 */
export type Revision = string & Brand.Brand<"effect-couchdb/Revision">

/**
 * The two parts of a revision. `hash` has 32 hexadecimal digits, unless a program chose it otherwise.
 *
 * @since 0.1.0
 * @category model
 */
export interface Parts {
  readonly generation: number
  readonly hash: string
}

/**
 * What the MD5 of a revision is taken over.
 *
 * - `parent`: the revision that is extended; `None` for the first
 * - `body`: the members as they are sent, in that order, as a tree or as JSON text; members whose name begins with an
 *   underscore do not count
 * - `attachments`: name, content type and stored digest (`md5-…`) of each, in the order of the document's stubs
 *
 * @since 0.1.0
 * @category model
 */
export interface PredictInput {
  readonly parent: Option.Option<Revision>
  readonly body: Json.JsonObject | string
  readonly deleted?: boolean | undefined
  readonly attachments?: ReadonlyArray<HashedAttachment> | undefined
}

/**
 * What of an attachment enters the revision.
 *
 * @since 0.1.0
 * @category model
 */
export interface HashedAttachment {
  readonly name: string
  readonly contentType: string
  readonly digest: string
}

const fullHash = /^[0-9a-fA-F]{32}$/

const pattern = /^([1-9]\d{0,8})-(.+)$/

/**
 * Whether the text is a revision of a stored document (generation 1 or later).
 *
 * @since 0.1.0
 * @category guards
 */
export const isRevision = (text: unknown): text is Revision => typeof text === "string" && pattern.test(text)

/**
 * A revision from a literal. Throws where the text is none: for text from outside there is {@link decode}.
 *
 * @example
 * import { Revision } from "effect-couchdb"
 *
 * const first = Revision.make("1-967a00dff5e02add41819138abb3284d")
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = Brand.refined<Revision>(
  isRevision,
  (text) => Brand.error(`not a revision: ${JSON.stringify(text)}; expected generation-hash, such as 1-967a00df…`)
)

/**
 * A revision from text that came from outside.
 *
 * @example
 * import { Option } from "effect"
 * import { Revision } from "effect-couchdb"
 *
 * console.log(Option.isNone(Revision.decode("nonsense"))) // true
 *
 * @since 0.1.0
 * @category constructors
 */
export const decode = (text: string): Option.Option<Revision> => isRevision(text) ? Option.some(text) : Option.none()

/**
 * The schema of a revision, for bodies and messages that carry one.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Schema: Schema_.Schema<Revision, string> = Schema_.String.pipe(Schema_.fromBrand(make))

/**
 * Generation and hash.
 *
 * @example
 * import { Revision } from "effect-couchdb"
 *
 * console.log(Revision.parts(Revision.make("3-917fa2381192822767f010b95b45325b")).generation) // 3
 *
 * @since 0.1.0
 * @category getters
 */
export const parts = (revision: Revision): Parts => {
  const dash = revision.indexOf("-")
  return { generation: Number(revision.slice(0, dash)), hash: revision.slice(dash + 1) }
}

/**
 * How many writes deep the version is, from 1.
 *
 * @example
 * import { Revision } from "effect-couchdb"
 *
 * console.log(Revision.generation(Revision.make("3-917fa2381192822767f010b95b45325b"))) // 3
 *
 * @since 0.1.0
 * @category getters
 */
export const generation = (revision: Revision): number => parts(revision).generation

/**
 * The order by which CouchDB picks the winner among leaves of one kind: by generation, then by hash. The greatest wins;
 * any live leaf stands above any deleted one, which a revision alone cannot tell.
 *
 * @example
 * import { Order } from "effect"
 * import { Revision } from "effect-couchdb"
 *
 * const winner = Order.max(Revision.Order)(Revision.make("2-aa"), Revision.make("10-00"))
 *
 * @since 0.1.0
 * @category ordering
 */
export const Order: Order_.Order<Revision> = Order_.combine(
  Order_.mapInput(Order_.number, generation),
  Order_.mapInput(Order_.string, (revision: Revision) => hashBytes(parts(revision).hash))
)

/** CouchDB compares bytes, and 32 digits are 16 of them: one character for each here. */
const hashBytes = (hash: string): string =>
  fullHash.test(hash)
    ? hash.replace(/../g, (digits) => String.fromCharCode(Number.parseInt(digits, 16)))
    : hash

const digestBytes = (digest: string): Option.Option<Uint8Array> =>
  digest.startsWith("md5-") ? fromBase64(digest.slice(4)) : Option.none()

const parsedBody = (body: Json.JsonObject | string): Option.Option<Json.JsonObject> =>
  typeof body !== "string"
    ? Option.some(body)
    : Option.filter(Either.getRight(Json.parse(body)), Json.isObject)

/**
 * The revision that CouchDB will give to a write, before it is sent. `None` where it cannot be known: the text is no
 * JSON object, or an attachment has no MD5 digest.
 *
 * It holds for writes to ordinary databases whose attachments are all stubs. `_users` and `_replicator` rewrite bodies,
 * inline attachments of text types are compressed first, and servers other than CouchDB may hash otherwise: treat it as
 * an optimisation that is checked against the revision in the answer.
 *
 * @example
 * import { Option } from "effect"
 * import { Revision } from "effect-couchdb"
 *
 * const first = Revision.predict({ parent: Option.none(), body: {} })
 * console.log(first) // Some("1-967a00dff5e02add41819138abb3284d"), for every empty first revision there is
 *
 * @since 0.1.0
 * @category prediction
 */
export const predict = (input: PredictInput): Option.Option<Revision> =>
  Option.gen(function*() {
    const body = yield* parsedBody(input.body)
    const attachments = yield* Option.all((input.attachments ?? []).map(({ contentType, digest, name }) =>
      Option.map(digestBytes(digest), (bytes) => ({ name, contentType, bytes }))
    ))
    const parent = Option.map(input.parent, parts)
    const writer = new TermWriter()
    writer.version()
    writer.list(5)
    writer.atom(input.deleted === true ? "true" : "false")
    writer.integer(Option.match(parent, {
      onNone: () =>
        0,
      onSome: (p) => p.generation
    }))
    if (Option.isNone(parent)) writer.integer(0)
    else if (fullHash.test(parent.value.hash)) {
      writer.binary(yield* fromHex(parent.value.hash))
    } else writer.string(parent.value.hash)
    writer.object(Json.entries(body).filter(([key]) => !key.startsWith("_")))
    if (attachments.length > 0) writer.list(attachments.length)
    for (const { bytes, contentType, name } of attachments.reverse()) {
      writer.tuple(3)
      writer.string(name)
      writer.string(contentType)
      writer.binary(bytes)
    }
    writer.nil()
    writer.nil()
    const next = Option.match(parent, { onNone: () => 1, onSome: (p) => p.generation + 1 })
    return `${next}-${hex(md5(writer.result()))}` as Revision
  })
