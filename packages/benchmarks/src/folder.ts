import { mkdirSync, mkdtempSync } from "node:fs"
import { fileURLToPath } from "node:url"

/** A new folder for programs to run in, where they find the packages of this one. */
export const newFolder = (prefix: string): string => {
  const packages = fileURLToPath(new URL("../node_modules/", import.meta.url))
  // npm makes it only where a package differs from what the workspace has.
  mkdirSync(packages, { recursive: true })
  return mkdtempSync(`${packages}.${prefix}-`)
}
