/**
 * Revisions, which identify the versions of a document.
 *
 * A revision is `generation-hash`, and the hash is an MD5 of the content. The same write to the same parent has the
 * same revision on every server, so the revision of a write can be predicted before it is sent.
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
 * The identifier of one version of a document: `"3-917fa2381192822767f010b95b45325b"`.
 *
 * @since 0.1.0
 * @category model
 */
export type Revision = string & Brand.Brand<"effect-couchdb/Revision">

/**
 * The two parts of a revision. `hash` has 32 hexadecimal digits, unless a client chose the revision itself.
 *
 * @since 0.1.0
 * @category model
 */
export interface Parts {
  readonly generation: number
  readonly hash: string
}

/**
 * The input of the MD5 of a revision.
 *
 * - `parent`: the revision that the write extends; `None` for the first one
 * - `body`: the members in the order in which they are sent, as a tree or as JSON text; members whose name begins with
 *   an underscore are ignored
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
 * The part of an attachment that is hashed into the revision.
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
 * Makes a revision from a literal. Throws if the text is not a revision. Use {@link decode} for text from outside.
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
 * Validates a revision from outside.
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
 * Splits a revision into generation and hash.
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
 * The number of writes from the first version to this one, counted from 1.
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
 * The order by which CouchDB picks the winner among leaf revisions: by generation, then by hash. The greatest wins. Any
 * live leaf wins over any deleted one, which the revision itself does not show.
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

/** CouchDB compares bytes: each pair of the 32 digits becomes one character. */
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
 * Predicts the revision that CouchDB will assign to a write, before it is sent. `None` if it cannot be predicted: the
 * text is not a JSON object, or an attachment has no MD5 digest.
 *
 * The prediction is correct for writes to ordinary databases if all attachments are stubs. CouchDB rewrites bodies in
 * `_users` and `_replicator` and compresses inline attachments of text types first, and other servers may hash
 * differently. Treat the prediction as an optimization that is checked against the revision in the response.
 *
 * @example
 * import { Option } from "effect"
 * import { Revision } from "effect-couchdb"
 *
 * const first = Revision.predict({ parent: Option.none(), body: {} })
 * console.log(first) // Some("1-967a00dff5e02add41819138abb3284d"), for every empty first revision
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
