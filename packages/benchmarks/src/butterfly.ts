/** The schema of the documents. */
import * as Schema from "effect/Schema"

export const Butterfly = Schema.Struct({
  name: Schema.String,
  seen: Schema.Number,
  tags: Schema.Array(Schema.String),
  note: Schema.String
})

export const decodeByHand = Schema.decodeUnknownSync(Butterfly)
