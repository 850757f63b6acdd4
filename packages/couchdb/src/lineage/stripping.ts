import type * as Json from "../data/Json.js"
import type { Revision } from "../data/Revision.js"
import { strippedField } from "./mac.js"
import type { LineageIndex, MergeTombstone } from "./model.js"
import { encodeTombstone } from "./record.js"

/**
 * The field of a version whose body is not kept. Without the body the record cannot be verified again, so it is kept
 * only if it was verified before.
 */
export const stripField = (
  { newer, records, settings }: LineageIndex,
  id: string,
  of: Revision,
  field: Json.Json | undefined
): Json.Json | undefined => records.has(of) || newer.has(of) ? strippedField(settings, id, field) : undefined

/** Encodes the tombstone of a merged version without its body and journal. */
export const stripTombstone = (index: LineageIndex, id: string, tombstone: MergeTombstone): Json.JsonObject =>
  encodeTombstone({ ...tombstone, content: undefined, field: stripField(index, id, tombstone.of, tombstone.field) })
