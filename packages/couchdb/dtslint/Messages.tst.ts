import { Schema } from "effect"
import { Changes, Collection, Mango, View } from "effect-couchdb"
import { describe, test } from "tstyche"

const Sighting = Schema.Struct({
  name: Schema.String,
  seen: Schema.Number,
  tags: Schema.Array(Schema.String),
  place: Schema.Struct({ country: Schema.String, height: Schema.Number }),
  note: Schema.optional(Schema.String)
})
const zoo = Collection.make("zoo", Sighting)
const bySeen = View.make({ design: "zoo", view: "bySeen", key: Schema.Number })
const count = View.reduced({ design: "zoo", view: "bySeen", key: Schema.Number, value: Schema.Number })

// TSTyche compares the text after each directive with the compiler's message.
describe("the compiler names", () => {
  test("a wrong operator of a selector", () => {
    // @ts-expect-error '$gtt' does not exist in type 'OperatorsOf<number>'. Did you mean to write '$gt'?
    Mango.find(zoo, { selector: { seen: { $gtt: 3 } } })
    // @ts-expect-error 'sen' does not exist
    Mango.find(zoo, { selector: { sen: 3 } })
    // @ts-expect-error Type 'string' is not assignable to type 'number | OperatorsOf<number>'.
    Mango.find(zoo, { selector: { seen: "3" } })
    // @ts-expect-error '$regx' does not exist in type 'OperatorsOf<string>'. Did you mean to write '$regex'?
    Mango.stream(zoo, { selector: { place: { country: { $regx: "^P" } } } })
    // @ts-expect-error Did you mean '"seen"'?
    Mango.find(zoo, { selector: {}, sort: ["sen"] })
    // @ts-expect-error Did you mean '"seen"'?
    Mango.find(zoo, { selector: {}, fields: ["sen"] })
    // @ts-expect-error Did you mean to write 'limit'?
    Mango.find(zoo, { selector: {}, limt: 3 })
    // @ts-expect-error Did you mean to write 'limit'?
    Mango.find("zoo", { selector: {}, limt: 3 })
    // @ts-expect-error Did you mean '"seen"'?
    Mango.createIndex(zoo, { fields: ["sen"] })
  })
  test("a wrong option of a view", () => {
    // @ts-expect-error Did you mean to write 'descending'?
    View.fetch(zoo, bySeen, { descnding: true })
    // @ts-expect-error Type 'string' is not assignable to type 'number | Bound | undefined'.
    View.stream(zoo, bySeen, { key: "3" })
    // @ts-expect-error 'includeDocs' does not exist in type 'ReducedOptions<number>'
    View.fetch(zoo, count, { includeDocs: true })
    // @ts-expect-error 'keys' does not exist in type 'Paging<number>'
    View.pages(zoo, bySeen, { keys: [3] })
  })
  test("a wrong option of a feed", () => {
    // @ts-expect-error Did you mean to write 'limit'?
    Changes.fetch(zoo, { limitt: 3 })
    // @ts-expect-error Did you mean to write 'since'?
    Changes.follow(zoo, { sinse: "now" })
    // @ts-expect-error 'attachments' does not exist
    Changes.follow(zoo, { attachments: true })
  })
})
