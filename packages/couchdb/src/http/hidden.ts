/**
 * Puts properties on an object that no log, no JSON and no inspection shows: they hold bodies, or would drown the rest.
 */
export const hidden = (target: object, properties: object): void => {
  for (const [key, value] of Object.entries(properties)) {
    Object.defineProperty(target, key, { value, enumerable: false })
  }
}
