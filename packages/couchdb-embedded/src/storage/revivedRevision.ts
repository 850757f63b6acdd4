import { md5 } from "@noble/hashes/legacy"
import * as Encoding from "effect/Encoding"
import { concat } from "../encoding/bytes.js"
import * as Term from "../encoding/externalTerm.js"
import type { Rev } from "./revision.js"
import { bytesOf } from "./revision.js"
import type { Version } from "./state.js"

/** A term without the byte that says which version of the format it is in. */
const bare = (term: Term.Term): Uint8Array => Term.encode(term).subarray(1)

const uint32 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value)
  return bytes
}

const unknown = Term.tuple(Term.atom("undefined"), Term.atom("undefined"), Term.atom("undefined"))

/**
 * The revision of a document with attachments that rises from its tombstone. Only there, CouchDB takes the hash when it
 * can no longer tell what the attachments are: it sees their number, and nothing else.
 */
export const revivedRevision = (tombstone: Rev, { attachments, body, deleted }: Version): Rev => {
  const hash = bytesOf(tombstone.hash)
  const term = concat([
    Uint8Array.of(131, 108, ...uint32(5)),
    bare(Term.atom(String(deleted))),
    bare(Term.json(tombstone.generation)),
    Uint8Array.of(109, ...uint32(hash.length)),
    hash,
    bare(Term.json(body)),
    bare(Term.list(attachments.map(() => unknown))),
    Uint8Array.of(106)
  ])
  return { generation: tombstone.generation + 1, hash: Encoding.encodeHex(md5(term)) }
}
