import * as Either from "effect/Either"
import { parseJson } from "../http/parseJson.js"
import type { Checked } from "../http/refusal.js"
import type { Rev } from "./revision.js"
import * as Revs from "./revision.js"

/** The parameters of a document read. */
export interface ReadOptions {
  readonly rev: Rev | undefined
  /** `undefined` for an ordinary read. */
  readonly openRevs: "all" | ReadonlyArray<Rev> | undefined
  readonly newEdits: boolean
  readonly flags: ReadonlySet<string>
  /** Attachments that are not newer than the newest of these revisions are sent as stubs. */
  readonly attsSince: ReadonlyArray<Rev> | undefined
}

const flagNames = new Set([
  "attachments",
  "att_encoding_info",
  "conflicts",
  "deleted",
  "deleted_conflicts",
  "latest",
  "local_seq",
  "revs",
  "revs_info"
])

const revList = (text: string): Checked<ReadonlyArray<Rev>> => Either.flatMap(parseJson(text), Revs.parseAll)

/** Parses the query of a document endpoint. Unknown parameters are ignored. */
export const parseOptions = (query: ReadonlyArray<readonly [string, string]>): Checked<ReadOptions> => {
  const flags = new Set<string>()
  let rev: Rev | undefined
  let openRevs: "all" | ReadonlyArray<Rev> | undefined
  let newEdits = true
  let attsSince: ReadonlyArray<Rev> | undefined
  for (const [key, value] of query) {
    if (key === "rev") {
      const parsed = Revs.parse(value)
      if (Either.isLeft(parsed)) return Either.left(parsed.left)
      rev = parsed.right
    } else if (key === "open_revs" || key === "atts_since") {
      if (key === "open_revs" && value === "all") openRevs = "all"
      else {
        const parsed = revList(value)
        if (Either.isLeft(parsed)) return Either.left(parsed.left)
        if (key === "atts_since") attsSince = parsed.right
        else openRevs = parsed.right.length === 0 ? undefined : parsed.right
      }
    } else if (key === "new_edits") newEdits = value === "false" ? false : value === "true" ? true : newEdits
    else if (value !== "true") continue
    else if (key === "meta") { for (const flag of ["revs_info", "conflicts", "deleted_conflicts"]) flags.add(flag) }
    else if (flagNames.has(key)) flags.add(key)
  }
  return Either.right({ rev, openRevs, newEdits, flags, attsSince })
}
