// Runs the clean install when node_modules does not fit the lockfile, and does nothing when it does.
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))
const stamp = `${root}/node_modules/.lockfile-sha256`
const wanted = createHash("sha256").update(readFileSync(`${root}/package-lock.json`)).digest("hex")
const present = existsSync(stamp) ? readFileSync(stamp, "utf8") : ""

if (present !== wanted) {
  console.error("installing packages (npm ci) ...")
  const { status } = spawnSync("npm", ["ci", "--no-fund", "--no-audit", "--loglevel=error"], {
    cwd: root,
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32"
  })
  if (status !== 0) process.exit(status ?? 1)
  writeFileSync(stamp, wanted)
}
