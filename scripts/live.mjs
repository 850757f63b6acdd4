// The contract suite against the CouchDB that COUCHDB_URL names.
import { spawnSync } from "node:child_process"

const url = process.env.COUCHDB_URL
if (!url) {
  console.error("Set COUCHDB_URL to a CouchDB to test against, such as http://admin:password@127.0.0.1:5984")
  process.exit(1)
}

const { origin, password, pathname, username } = new URL(url)
const user = username === "" ? process.env.COUCHDB_USER ?? "" : decodeURIComponent(username)
const secret = username === "" ? process.env.COUCHDB_PASSWORD ?? "" : decodeURIComponent(password)
const welcome = await fetch(origin + pathname, {
  headers: user === "" ? {} : { authorization: `Basic ${Buffer.from(`${user}:${secret}`).toString("base64")}` }
}).then((response) => response.json()).catch((error) => {
  console.error(`No CouchDB answers at ${origin}: ${error.cause?.message ?? error.message}`)
  process.exit(1)
})
console.log(`CouchDB ${welcome.version} at ${origin}`)

const { status } = spawnSync(
  "npx",
  [
    "vitest",
    "run",
    "--mode",
    "deep",
    "--testNamePattern",
    "CouchDB at COUCHDB_URL",
    "contract.test",
    "NodeTransport.test"
  ],
  { stdio: "inherit", shell: process.platform === "win32" }
)
process.exit(status ?? 1)
