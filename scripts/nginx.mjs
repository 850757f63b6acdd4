// The suite that runs behind a real nginx, in front of an embedded server or of the CouchDB that COUCHDB_URL names.
import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"

const places = [
  process.env.NGINX ?? "",
  "/usr/sbin/nginx",
  "/usr/local/sbin/nginx",
  "/usr/bin/nginx",
  "/opt/homebrew/bin/nginx"
]
const nginx = places.find((path) => path !== "" && existsSync(path))
if (nginx === undefined) {
  console.log("skipped: nginx is not installed (Debian: apt-get install nginx), and NGINX names none")
  process.exit(0)
}
const { stderr } = spawnSync(nginx, ["-v"], { encoding: "utf8" })
console.log(
  `${stderr.trim()} in front of ${process.env.COUCHDB_URL === undefined ? "an embedded server" : "a CouchDB"}`
)

const { status } = spawnSync(
  "npx",
  ["vitest", "run", "--reporter=verbose", "packages/couchdb-node/test/nginx/nginx.test"],
  {
    stdio: "inherit",
    env: { ...process.env, TEST_NGINX: "1" },
    shell: process.platform === "win32"
  }
)
process.exit(status ?? 1)
