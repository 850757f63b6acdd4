import { InvalidIdError } from "./errors.js"
import { segmentProblem } from "./path.js"

/** CouchDB takes a name that begins with an underscore for one of its own filters. */
const escaped = (part: string): string => part.replace(/[%+/]/g, encodeURIComponent).replace(/^_/, "%5F")

/**
 * A function or view of a design document as the parameters `filter` and `view` name it: after CouchDB has split the name
 * at the slash, it decodes each part once more.
 */
export const functionName = (design: string, name: string): string => `${escaped(design)}/${escaped(name)}`

/** Why a design document or one of its members cannot have such a name. */
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
 * Whether a replication by the server can have this filter function: its replicator reads the function by the plain name,
 * and hands that name to the source, which decodes it.
 */
export const isFoundByReplicator = (design: string, name: string): boolean =>
  !/\+|%[0-9a-f]{2}/i.test(`${design}/${name}`) && !design.startsWith("_") && !design.includes("/") &&
  !name.includes("/")
