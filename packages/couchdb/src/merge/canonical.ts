/**
 * The same text for equal values, whatever the order of their keys. Merges sort by it if nothing else determines an
 * order, so that all replicas compute the same result.
 */
export const canonical = (value: unknown): string => {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value)
    case "bigint":
      return `${value}n`
    case "number":
      return Object.is(value, -0) ? "0" : String(value)
    case "object":
      return value === null ? "null" : canonicalObject(value)
    default:
      return String(value)
  }
}

const canonicalObject = (value: object): string => {
  if (value instanceof Date) return `Date(${value.getTime()})`
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`
  if (value instanceof Set) return `Set[${Array.from(value, canonical).sort().join(",")}]`
  if (value instanceof Map) {
    return `Map[${Array.from(value, ([key, member]) => `${canonical(key)}:${canonical(member)}`).sort().join(",")}]`
  }
  // The JSON of Effect's own values identifies their kind.
  const plain = "toJSON" in value && typeof value.toJSON === "function" ? value.toJSON() as unknown : value
  if (plain !== value) return canonical(plain)
  const members = Object.entries(value).filter(([, member]) => member !== undefined)
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`).sort().join(",")}}`
}

/** Compares two values by their canonical text. */
export const byCanonical = (self: unknown, that: unknown): -1 | 0 | 1 => {
  const left = canonical(self)
  const right = canonical(that)
  return left < right ? -1 : left > right ? 1 : 0
}
