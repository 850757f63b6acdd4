/**
 * Chapters 3 and 4: a document is a value. Edit it, save it, copy it, delete it, restore it.
 */
import { Effect, Option, Schema } from "effect"
import { Collection, CouchHttp, Document, Transport } from "effect-couchdb"
import { inspect } from "node:util"
import { Card, Row } from "../movies.js"
import { Traffic } from "../server.js"
import * as Terminal from "../terminal.js"

export const cardsOf = (database: string) => Collection.make(database, Card, { id: Collection.prefixed("movie:") })

const revision = (doc: { readonly rev: Option.Option<string> }): string =>
  Option.match(doc.rev, { onNone: () => "none", onSome: (rev) => `${rev.slice(0, 10)}…` })

/** The members of a document as the server stores them, without the schema. */
const membersOf = (database: string, id: string) =>
  Effect.gen(function*() {
    const couch = yield* CouchHttp.CouchHttp
    const path = `/${database}/${encodeURIComponent(id)}`
    const response = yield* couch.execute({ method: "GET", path, route: "/{db}/{docid}" })
    const { _rev, ...members } = yield* Schema.decode(Schema.parseJson(Row))(Transport.text(response))
    return members
  })

export const edit = (database: string) =>
  Effect.gen(function*() {
    const { measure } = yield* Traffic
    const cards = cardsOf(database)
    yield* Terminal.section(3, "Fetch, modify, save")

    const moon = yield* Document.fetch(cards, "moon-2009")
    const before = yield* membersOf(database, moon.id)
    yield* Terminal.remark("A document is an immutable value. Its text does not contain the body, so it can be logged:")
    yield* Terminal.quote(inspect(moon, { breakLength: Infinity }))

    const edited = Document.modify(moon, (card) => ({ ...card, director: "Duncan Jones" }))
    const saved = yield* measure(Document.save(edited))
    yield* Terminal.say(
      `modify: director ${JSON.stringify(moon.body.director)} -> ${JSON.stringify(edited.body.director)}; ` +
        `edited paths: ${Document.changedPaths(edited).map((path) => path.join(".")).join(", ")}`
    )
    yield* Terminal.say(
      `save:   ${revision(moon)} -> ${revision(saved.value)}, ${saved.requests} request`
    )
    const again = yield* measure(Document.save(saved.value))
    yield* Terminal.say(
      `again:  ${again.value === saved.value ? "the same value" : "another value"}, ${again.requests} requests, ` +
        "since nothing changed"
    )

    const after = yield* membersOf(database, moon.id)
    const names = Object.keys(after).filter((name) => !name.startsWith("_"))
    const changed = names.filter((name) => JSON.stringify(after[name]) !== JSON.stringify(before[name]))
    const lost = Object.keys(before).filter((name) => !(name in after))
    yield* Terminal.say(
      `stored: ${names.length} members, changed: ${changed.join(", ")}; lost: ${
        lost.length === 0 ? "none" : lost.join()
      }`
    )
    yield* Terminal.remark(
      `The schema of this chapter declares ${
        Object.keys(Card.fields).length
      } of them. A save changes only the edited members, ` +
        "so undeclared members are preserved."
    )
    return saved.value
  })

export const copyAndDelete = (database: string, moon: Document.Document<Card>) =>
  Effect.gen(function*() {
    const cards = cardsOf(database)
    yield* Terminal.section(4, "Copy, delete, and restore")

    const copy = yield* Document.copy(moon, "movie:moon-backup")
    yield* Terminal.say(`copy:    ${moon.id} -> ${copy.id}, by the server, ${revision(copy)}`)
    const tombstone = yield* Document.delete(copy)
    yield* Terminal.say(`delete:  leaves a ${tombstone._tag.toLowerCase()}, ${tombstone.rev.slice(0, 10)}…`)

    const error = yield* Document.fetch(cards, "moon-backup").pipe(
      Effect.zipRight(Effect.dieMessage("a deleted movie was read")),
      Effect.catchTag("NotFoundError", Effect.succeed)
    )
    yield* Terminal.say(`fetch:   ${error._tag}, reason "${error.reason}"`)
    yield* Terminal.quote(error.message)

    const back = yield* Document.save(Document.restore(tombstone, copy.body))
    yield* Terminal.say(`restore: ${revision(back)}, "${back.body.title}" by ${back.body.director} exists again`)
    yield* Terminal.remark(
      "A deleted document and one that never existed have different reasons, which the error contains."
    )
  })
