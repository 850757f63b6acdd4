import * as Json from "../Json.js"

const innerOf = (value: Json.Json): ReadonlyArray<Json.Json> =>
  Json.isArray(value) ? value : Json.isObject(value) ? Json.entries(value).map(([, member]) => member) : []

/** Whether a value is nested deeper than `levels`. It does not recurse, so it cannot overflow the stack. */
export const exceedsDepth = (value: Json.Json, levels: number): boolean => {
  let level = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > levels) return true
    level = level.flatMap((each) => innerOf(each).filter((inner) => typeof inner === "object" && inner !== null))
  }
  return false
}
