import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as DocumentId from "../data/DocumentId.js"
import * as Json from "../data/Json.js"
import * as Revision from "../data/Revision.js"
import { make, rawOf } from "./base.js"
import { decodeStored } from "./bodies.js"
import type { Collection } from "./Collection.js"
import type { Base, Document, Encoded } from "./Document.js"
import * as value from "./value.js"

const readObject = (text: string): Option.Option<Json.JsonObject> =>
  Option.filter(Either.getRight(Json.parse(text)), Json.isObject)

/** Whether these are only stubs: the data of an attachment would be stored. */
const areStubs = (stubs: Json.JsonObject): boolean =>
  Json.entries(stubs).every(([, stub]) =>
    Json.isObject(stub) && Json.get(stub, "stub") === true && !Json.has(stub, "data")
  )

const fieldsOf = <A, I, R, K>(collection: Collection<A, I, R, K>) =>
  Schema.Struct({
    id: Schema.String,
    rev: Schema.NullOr(Revision.Schema),
    durability: Schema.Literal("quorum", "accepted"),
    body: collection.schema,
    base: Schema.NullOr(Schema.String),
    stubs: Schema.NullOr(Schema.String)
  })

type Fields<A, I, R> = Schema.Schema.Type<ReturnType<typeof fieldsOf<A, I, R, never>>>

/** Decodes the base that was sent with a document, or fails with what is wrong with it. */
const baseOf = <A, I, R, K>(
  collection: Collection<A, I, R, K>,
  fields: Fields<A, I, R>,
  refuse: (message: string) => ParseResult.ParseIssue
): Effect.Effect<Option.Option<Base<A>>, ParseResult.ParseIssue, R> => {
  if (!DocumentId.isDocumentId(fields.id)) return Effect.fail(refuse("the id is not a valid document id"))
  if (fields.base === null || fields.rev === null) {
    return fields.base === null && fields.rev === null && fields.stubs === null
      ? Effect.succeedNone
      : Effect.fail(refuse("a revision needs a base, and a base needs a revision"))
  }
  const rev = fields.rev
  const raw = Option.filter(
    readObject(fields.base),
    (object) => !Json.keys(object).some((key) => key.startsWith("_"))
  )
  const stubs = fields.stubs === null ? Option.none() : Option.filter(readObject(fields.stubs), areStubs)
  if (Option.isNone(raw)) return Effect.fail(refuse("the base does not contain the members of a document"))
  if (fields.stubs !== null && Option.isNone(stubs)) return Effect.fail(refuse("the stubs are not valid"))
  return Effect.map(
    decodeStored(collection, Json.toPlain(raw.value)),
    (body) => Option.some(make(collection, rev, body, { raw: raw.value, stubs }))
  )
}

/**
 * The stored members are sent as JSON text with exact numbers, and decoded again by the receiver. Both sides therefore
 * have the same base, and the receiver refuses a body that does not match the schema.
 */
export const schema = <A, I, R, K>(
  collection: Collection<A, I, R, K>
): Schema.Schema<Document<A, R>, Encoded<I>, R> => {
  const isOurs = (u: unknown): u is Document<A, R> =>
    value.isDocument(u) && u.collection.database === collection.database
  const Fields = fieldsOf(collection)
  const Self = Schema.declare(isOurs, {
    identifier: `Document<${collection.database}>`,
    description: `a document of ${collection.database}`
  })

  return Schema.transformOrFail(Schema.typeSchema(Fields), Self, {
    strict: true,
    decode: (fields, _, ast) =>
      Effect.map(
        baseOf(collection, fields, (message) => new ParseResult.Type(ast, fields, message)) as Effect.Effect<
          Option.Option<Base<A>>,
          ParseResult.ParseIssue
        >,
        (base) =>
          value.document<A, R>({
            collection,
            id: fields.id,
            rev: Option.fromNullable(fields.rev),
            body: fields.body,
            durability: fields.durability,
            base
          })
      ),
    encode: (doc) =>
      ParseResult.succeed({
        id: doc.id,
        rev: Option.getOrNull(doc.rev),
        durability: doc.durability,
        body: doc.body,
        base: Option.getOrNull(Option.map(doc.base, (base) => Json.stringify(rawOf(base)))),
        stubs: Option.getOrNull(Option.map(Option.flatMap(doc.base, ({ stubs }) => stubs), Json.stringify))
      })
  }).pipe((own) => Schema.compose(Fields, own)) as unknown as Schema.Schema<Document<A, R>, Encoded<I>, R>
}
