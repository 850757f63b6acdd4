import * as Json from "effect-couchdb/Json"
import * as Either from "effect/Either"
import type { UserContext } from "../access/users.js"
import { validate } from "../access/users.js"
import { print } from "../encoding/printJson.js"
import * as Utf8 from "../encoding/utf8.js"
import type { Checked } from "../http/refusal.js"
import type { IncomingAttachment } from "../storage/attachments.js"
import type { Incoming } from "../storage/incoming.js"
import { printNode } from "../storage/printDocument.js"
import * as Revs from "../storage/revision.js"
import type { Node } from "../storage/revisionTree.js"
import type { Database, Server, Version } from "../storage/state.js"
import { checkDesign } from "./check.js"
import { designBody } from "./documentText.js"
import * as Calls from "./functionCalls.js"
import { userContext } from "./request.js"

interface Validator {
  readonly place: Calls.DesignDocument
  readonly text: Json.Json
}

/** The design documents with a validation function. */
const validators = (database: Database): ReadonlyArray<Validator> => {
  const { liveIds } = database
  const from = Utf8.lowerBound(liveIds, "_design/")
  if (liveIds[from]?.startsWith("_design/") !== true) return []
  return liveIds.slice(from, Utf8.lowerBound(liveIds, "_design0")).flatMap((id) => {
    const body = designBody(database, id)
    const text = body === undefined ? undefined : Json.get(body, "validate_doc_update")
    return body === undefined || text === undefined
      ? []
      : [{ place: { name: id.slice("_design/".length), body }, text }]
  })
}

/** Whether the database has a validation function. */
export const hasValidators = (database: Database): boolean => validators(database).length > 0

const revs: ReadonlySet<string> = new Set(["revs"])

/** The stub of an attachment. */
const stubOf = (incoming: IncomingAttachment): readonly [string, Json.Json] => {
  switch (incoming._tag) {
    case "Stub":
      return [incoming.name, { stub: true }]
    case "Stored": {
      const { contentType, length, revpos } = incoming.attachment
      return [incoming.name, { content_type: contentType, revpos, length, stub: true }]
    }
    case "Data":
      return [incoming.name, {
        content_type: incoming.contentType,
        revpos: incoming.revpos,
        length: incoming.data.length,
        stub: true
      }]
    case "Follows":
      return [incoming.name, { content_type: incoming.contentType, revpos: incoming.revpos, stub: true }]
  }
}

/** The new document as JSON for validation functions. */
const printIncoming = ({ attachments, body, deleted, generation, hashes, id }: Incoming): string => {
  const members: Array<readonly [string, Json.Json]> = [["_id", id]]
  const [hash] = hashes
  if (hash !== undefined) members.push(["_rev", Revs.format({ generation, hash })])
  members.push(...Json.entries(body))
  if (deleted) members.push(["_deleted", true])
  if (attachments.length > 0) members.push(["_attachments", Json.fromEntries(attachments.map(stubOf))])
  if (hash !== undefined) members.push(["_revisions", { start: generation, ids: hashes }])
  return print(Json.fromEntries(members))
}

const printParent = (database: Database, id: string, held: Node<Version> | undefined): string => {
  const record = database.documents.get(id)
  return record === undefined || held?.version === undefined
    ? "null"
    : printNode(record, held, held.version, revs, 20)
}

/** Whether the user may write the document. `held` is the parent revision. */
export const check = (
  server: Server,
  database: Database,
  user: UserContext,
  document: Incoming,
  held: Node<Version> | undefined
): Checked<void> =>
  Either.gen(function*() {
    yield* validate(server, database, user, document)
    if (document.id.startsWith("_design/")) {
      if (!document.deleted) yield* checkDesign(server.functions, database, document.body)
      return
    }
    const functions = validators(database)
    if (functions.length === 0) return
    const text = printIncoming(document)
    const before = printParent(database, document.id, held)
    for (const validator of functions) {
      yield* Calls.validate(
        server.functions,
        validator.place,
        validator.text,
        text,
        before,
        userContext(database, user),
        database.security
      )
    }
  })
