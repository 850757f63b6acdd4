import type * as Json from "../data/Json.js"
import type { Revision } from "../data/Revision.js"
import { strippedField } from "./mac.js"
import type { LineageIndex, MergeTombstone } from "./model.js"
import { encodeTombstone } from "./record.js"

/**
 * The field of a version whose body is not kept with it. Without the body nobody can tell any more whether the record is
 * the version's own, so it stays only where that was seen.
 */
export const stripField = (
  { newer, records, settings }: LineageIndex,
  id: string,
  of: Revision,
  field: Json.Json | undefined
): Json.Json | undefined => records.has(of) || newer.has(of) ? strippedField(settings, id, field) : undefined

/** A burial without body and journal. */
export const stripTombstone = (index: LineageIndex, id: string, tombstone: MergeTombstone): Json.JsonObject =>
  encodeTombstone({ ...tombstone, content: undefined, field: stripField(index, id, tombstone.of, tombstone.field) })
