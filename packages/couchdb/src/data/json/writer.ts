import type { Json, JsonObject } from "../Json.js"

/** What is still to be written: a value, or text that stands between values. */
type Pending = { readonly value: Json } | string

/**
 * Writes JSON with a stack of its own, as it is read. `scalar` writes what is neither a list nor an object. The helpers come
 * in as arguments because they live in the public module, which imports this one.
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
