import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import type { Collection } from "../../Collection.js"
import type { Base, Document, Encoded } from "../../Document.js"
import * as Json from "../../Json.js"
import * as Revision from "../../Revision.js"
import * as value from "./value.js"

const readObject = (text: string): Option.Option<Json.JsonObject> =>
  Option.filter(Either.getRight(Json.parse(text)), Json.isObject)

/**
 * What the server had crosses as JSON text, exact to the digit, and is decoded again on arrival: so the other side sees
 * the same base, and a body that its schema does not take is refused there.
 */
export const schema = <A, I, R, K>(
  collection: Collection<A, I, R, K>
): Schema.Schema<Document<A, R>, Encoded<I>, R> => {
  const isOurs = (u: unknown): u is Document<A, R> =>
    value.isDocument(u) && u.collection.database === collection.database
  const Fields = Schema.Struct({
    id: Schema.String,
    rev: Schema.NullOr(Revision.Schema),
    durability: Schema.Literal("quorum", "accepted"),
    body: collection.schema,
    base: Schema.NullOr(Schema.String),
    stubs: Schema.NullOr(Schema.String)
  })
  const Self = Schema.declare(isOurs, {
    identifier: `Document<${collection.database}>`,
    description: `a document of ${collection.database}`
  })

  const baseOf = (
    fields: typeof Fields.Type,
    refuse: (message: string) => ParseResult.ParseIssue
  ): Effect.Effect<Option.Option<Base<A>>, ParseResult.ParseIssue, R> => {
    if (fields.base === null) return Effect.succeedNone
    if (fields.rev === null) return Effect.fail(refuse("a base without a revision"))
    const rev = fields.rev
    const raw = readObject(fields.base)
    const stubs = fields.stubs === null ? Option.none() : readObject(fields.stubs)
    if (Option.isNone(raw) || (fields.stubs !== null && Option.isNone(stubs))) {
      return Effect.fail(refuse("a base that is no JSON object"))
    }
    return Effect.map(
      collection.decode(Json.toPlain(raw.value)),
      (body) => Option.some({ rev, body, raw: raw.value, stubs })
    )
  }

  return Schema.transformOrFail(Schema.typeSchema(Fields), Self, {
    strict: true,
    decode: (fields, _, ast) =>
      Effect.map(
        baseOf(fields, (message) => new ParseResult.Type(ast, fields, message)) as Effect.Effect<
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
        base: Option.getOrNull(Option.map(doc.base, ({ raw }) => Json.stringify(raw))),
        stubs: Option.getOrNull(Option.map(Option.flatMap(doc.base, ({ stubs }) => stubs), Json.stringify))
      })
  }).pipe((own) => Schema.compose(Fields, own)) as unknown as Schema.Schema<Document<A, R>, Encoded<I>, R>
}
