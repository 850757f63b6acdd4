import type { Json, JsonObject } from "../Json.js"

/** A value that is still to be written, or text between values. */
type Pending = { readonly value: Json } | string

/**
 * Writes JSON with an explicit stack. `scalar` writes values that are neither arrays nor objects. The helpers are
 * parameters because they belong to the public module, which imports this one.
 */
export const writeText = (
  root: Json,
  scalar: (value: Json) => string | undefined,
  entries: (object: JsonObject) => ReadonlyArray<readonly [string, Json]>
): string => {
  const pending: Array<Pending> = [{ value: root }]
  let text = ""
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (typeof next === "string") {
      text += next
      continue
    }
    const { value } = next
    const written = scalar(value)
    if (written !== undefined) text += written
    else if (Array.isArray(value)) {
      text += "["
      pending.push("]")
      for (let i = value.length - 1; i >= 0; i--) {
        pending.push({ value: value[i] as Json })
        if (i > 0) pending.push(",")
      }
    } else {
      const members = entries(value as JsonObject)
      text += "{"
      pending.push("}")
      for (let i = members.length - 1; i >= 0; i--) {
        const [key, member] = members[i] as readonly [string, Json]
        pending.push({ value: member }, `${i > 0 ? "," : ""}${JSON.stringify(key)}:`)
      }
    }
  }
  return text
}
