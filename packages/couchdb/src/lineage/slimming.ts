import type * as Json from "../data/Json.js"
import type { Revision } from "../data/Revision.js"
import { slimmed } from "./mac.js"
import type { Burial, Knowledge } from "./model.js"
import { encodeBurial } from "./record.js"

/**
 * The field of a version whose body is not kept with it. Without the body nobody can tell any more whether the record is
 * the version's own, so it stays only where that was seen.
 */
export const slimField = (
  { newer, records, settings }: Knowledge,
  id: string,
  of: Revision,
  field: Json.Json | undefined
): Json.Json | undefined => records.has(of) || newer.has(of) ? slimmed(settings, id, field) : undefined

/** A burial without body and journal. */
export const slimBurial = (knowledge: Knowledge, id: string, burial: Burial): Json.JsonObject =>
  encodeBurial({ ...burial, content: undefined, field: slimField(knowledge, id, burial.of, burial.field) })
