import { InvalidIdError } from "./errors.js"
import { segmentProblem } from "./path.js"

/** CouchDB interprets a name with a leading underscore as one of its built-in filters. */
const escaped = (part: string): string => part.replace(/[%+/]/g, encodeURIComponent).replace(/^_/, "%5F")

/**
 * The value of the parameters `filter` and `view` for a function or view of a design document. CouchDB splits it at the
 * slash and then decodes each part once more.
 */
export const functionName = (design: string, name: string): string => `${escaped(design)}/${escaped(name)}`

/** Why a name of a design document or of one of its functions is invalid, or `undefined` if both are valid. */
export const functionNameProblem = (design: string, name: string): InvalidIdError | undefined => {
  const problemWith = (value: string, role: string): InvalidIdError | undefined => {
    const problem = segmentProblem(value)
    return problem === undefined
      ? undefined
      : new InvalidIdError({ kind: "design document", value, problem: `as the name of ${role} ${problem}` })
  }
  return problemWith(design, "a design document") ?? problemWith(name, "a function")
}

/**
 * Whether a replication by the server can use this filter function. The replicator reads the function by the plain
 * name, and passes that name to the source, which decodes it.
 */
export const isFoundByReplicator = (design: string, name: string): boolean =>
  !/\+|%[0-9a-f]{2}/i.test(`${design}/${name}`) && !design.startsWith("_") && !design.includes("/") &&
  !name.includes("/")
