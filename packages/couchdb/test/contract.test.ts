import { contracts, contractsOverHttp } from "./contract/index.js"
import { run } from "./contract/suite.js"
import { embedded, fetchTransport, real, served } from "./contract/targets.js"

run(embedded, contracts)
run(served("fetch", fetchTransport), contractsOverHttp)
if (process.env["COUCHDB_URL"] !== undefined) run(real("fetch", fetchTransport), contracts)
