// What would be published, seen as npm and TypeScript see it. Needs a build.
import { spawnSync } from "node:child_process"

const run = (...args) => spawnSync("npx", args, { stdio: "inherit", shell: process.platform === "win32" }).status === 0

let good = true
for (const name of ["couchdb", "couchdb-node", "couchdb-embedded"]) {
  const folder = `packages/${name}`
  good = run("publint", "--strict", folder) && good
  // node10 knows no sub-paths, and no version of Node that this runs on resolves as it did.
  good = run("attw", "--pack", folder, "--profile", "node16", "--format", "ascii", "--quiet") && good
}
process.exit(good ? 0 : 1)
