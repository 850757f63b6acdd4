import { md5 } from "@noble/hashes/legacy"
import { TermWriter } from "effect-couchdb/internal/externalTerm"
import * as Encoding from "effect/Encoding"
import type { Rev } from "./revision.js"
import { bytesOf } from "./revision.js"
import type { Version } from "./state.js"

/**
 * The revision of a deleted document that is created again with attachments. Only in this case, CouchDB's hash covers
 * the number of the attachments instead of their names, types and digests.
 */
export const revivedRevision = (tombstone: Rev, { attachments, body, deleted }: Version): Rev => {
  const writer = new TermWriter()
  writer.version()
  writer.list(5)
  writer.atom(String(deleted))
  writer.integer(tombstone.generation)
  writer.binary(bytesOf(tombstone.hash))
  writer.json(body)
  if (attachments.length > 0) writer.list(attachments.length)
  for (let i = 0; i < attachments.length; i++) {
    writer.tuple(3)
    for (let field = 0; field < 3; field++) writer.atom("undefined")
  }
  writer.nil()
  writer.nil()
  return { generation: tombstone.generation + 1, hash: Encoding.encodeHex(md5(writer.result())) }
}
