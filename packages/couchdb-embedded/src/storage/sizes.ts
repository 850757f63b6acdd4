import * as Json from "effect-couchdb/Json"
import * as Term from "../encoding/externalTerm.js"
import * as Utf8 from "../encoding/utf8.js"
import * as RevisionTree from "./revisionTree.js"
import type { Database, DocumentRecord, Server, Version } from "./state.js"

/** Sizes in bytes: `external` of the JSON text, `active` of the data on disk. */
export interface Sizes {
  readonly active: number
  readonly external: number
}

const ofFloat = (value: number): number => {
  if (value < 0) return 1 + ofFloat(-value)
  if (value === 0 || value === 1 || value <= 1e-300) return 3
  if (value < 1) return value <= 1e-100 ? 6 : value <= 1e-10 ? 5 : value <= 0.01 ? 4 : 3
  return value >= 1e100 ? 5 : value >= 1e10 ? 4 : 3
}

const ofNumber = (text: string): number => /[.eE]/.test(text) ? ofFloat(Number(text)) : text.length

/** The length of a value as JSON, as CouchDB estimates it. */
const ofJson = (value: Json.Json): number => {
  if (typeof value === "string") return 2 + Utf8.byteLength(value)
  if (typeof value === "number") return ofNumber(JSON.stringify(value))
  if (Json.isRawNumber(value)) return ofNumber(value.text)
  if (value === null || typeof value === "boolean") return String(value).length
  if (Json.isArray(value)) {
    return value.length === 0
      ? 2
      : value.reduce<number>((sum, item) => sum + ofJson(item) + 1, 1)
  }
  const members = Json.isObject(value) ? Json.entries(value) : []
  return members.length === 0 ? 2 : members.reduce((sum, [key, inner]) => sum + ofJson(key) + ofJson(inner) + 2, 1)
}

/** The size of incompressible data after Snappy, with the tag of a compressed term. */
const snappySize = (length: number): number =>
  1 + (length < 128 ? 1 : length < 16_384 ? 2 : 3) + (length <= 60 ? 1 : length <= 256 ? 2 : 3) + length

const tuple = 3
const binary = 5
const noAttachments = snappySize(2)
const lengthAndDigest = 20

const ofVersion = (version: Version): Sizes => {
  const attached = version.attachments.reduce((sum, { data }) => sum + data.length, 0)
  const body = snappySize(Term.encode(Term.json(version.body)).length)
  return {
    active: lengthAndDigest + tuple + binary + body + binary + noAttachments + attached,
    external: ofJson(version.body) + attached
  }
}

const sizesOf = (version: Version): Sizes => version.sizes ??= ofVersion(version)

/** The sizes of all leaves of the documents. */
export const ofDocuments = (documents: Iterable<DocumentRecord>): Sizes => {
  let active = 0
  let external = 0
  for (const { tree } of documents) {
    for (const { version } of RevisionTree.leafNodes(tree)) {
      const sizes = version === undefined ? undefined : sizesOf(version)
      active += sizes?.active ?? 0
      external += sizes?.external ?? 0
    }
  }
  return { active, external }
}

/** The size of the file of an empty shard, which contains the name of its node. */
const emptyFile = (node: string): number => 8333 + Utf8.byteLength(node)

/** The approximate size of one document in the trees of its shard. */
const perDocument = 150

/**
 * The sizes of a database. The external size is exactly CouchDB's. The others estimate the file size of the leaves
 * alone. CouchDB also counts older revisions until it compacts them.
 */
export const ofDatabase = ({ node }: Server, database: Database): Json.JsonObject => {
  const { active, external } = ofDocuments(database.documents.values())
  const held = active + perDocument * database.documents.size
  return { file: database.shards.length * emptyFile(node.name) + held, external, active: held }
}
