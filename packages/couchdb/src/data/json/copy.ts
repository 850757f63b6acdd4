type Members = Record<PropertyKey, unknown>

export const isObject = (value: unknown): value is object => typeof value === "object" && value !== null

/** Sets a member, including one named `__proto__`. */
export const setMember = (target: object, key: PropertyKey, value: unknown): void => {
  if (key === "__proto__") {
    Object.defineProperty(target, key, { value, configurable: true, enumerable: true, writable: true })
  } else (target as Members)[key] = value
}

/**
 * Copies JSON, sharing no array and no object with the original. `scalar` converts objects that are not containers,
 * such as raw numbers, and returns `undefined` for others. `plain` converts maps to plain objects. An explicit stack
 * allows any depth.
 */
export const copyTree = (json: unknown, scalar: (value: object) => unknown, plain: boolean): unknown => {
  const pending: Array<object> = []
  const begin = (value: unknown): unknown => {
    if (!isObject(value)) return value
    const converted = scalar(value)
    if (converted !== undefined) return converted
    const copy = Array.isArray(value) ? [] : value instanceof Map && !plain ? new Map<unknown, unknown>() : {}
    pending.push(value, copy)
    return copy
  }
  const copy = begin(json)
  while (pending.length > 0) {
    const target = pending.pop() as object
    const source = pending.pop() as object
    if (Array.isArray(source)) {
      for (let i = 0; i < source.length; i++) {
        const item: unknown = source[i]
        ;(target as Array<unknown>).push(isObject(item) ? begin(item) : item)
      }
    } else if (!(source instanceof Map)) {
      for (const key of Object.keys(source)) setMember(target, key, begin((source as Members)[key]))
    } else if (target instanceof Map) { for (const [key, value] of source) target.set(key, begin(value)) }
    else for (const [key, value] of source as Map<string, unknown>) setMember(target, key, begin(value))
  }
  return copy
}
