import type { Deferral } from "../../Conflict.js"
import type { DecodeError } from "../../CouchError.js"
import type { WireError } from "../bulk/wireError.js"
import { hidden } from "../hidden.js"
import type { Unmerged } from "./fold.js"

/** Values stand in clashes, so a log shows their paths only. */
export const unmergedDeferral = ({ _tag, clashes, why }: Unmerged): Deferral => {
  const deferral = {
    _tag,
    why,
    paths: clashes.map(({ path, why }) => ({ path: path.map(String).join("."), why }))
  }
  hidden(deferral, { clashes })
  return deferral as typeof deferral & { readonly clashes: typeof clashes }
}

export const unreadable = (error: DecodeError): Deferral => ({
  _tag: "Unreadable",
  why: `the version ${error.rev ?? ""} is not what the schema says`,
  error
})

export const refusal = (error: WireError): Deferral => ({
  _tag: "Refused",
  why: "the server refused the merge",
  error
})

export const looping = (times: number): Deferral => ({
  _tag: "Looping",
  why: `it was resolved ${times} times in a short while, and is in conflict again`,
  times
})
