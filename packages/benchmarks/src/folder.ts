import { mkdirSync, mkdtempSync } from "node:fs"
import { fileURLToPath } from "node:url"

/** Creates a folder in which programs resolve the dependencies of this package. */
export const newFolder = (prefix: string): string => {
  const packages = fileURLToPath(new URL("../node_modules/", import.meta.url))
  // npm creates it only if a dependency differs from that of the workspace.
  mkdirSync(packages, { recursive: true })
  return mkdtempSync(`${packages}.${prefix}-`)
}
