/**
 * Defines properties that logs, JSON and inspection do not show, since they contain bodies or make the output too long.
 */
export const defineNonEnumerable = (target: object, properties: object): void => {
  for (const [key, value] of Object.entries(properties)) {
    Object.defineProperty(target, key, { value, enumerable: false })
  }
}
