import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"
import projects from "./vitest.workspace.js"

const conditions = ["effect-couchdb-source", "module", "node", "development|production"]

export default defineConfig(({ mode }) => {
  const isDeep = mode === "deep"
  // It only ends a test that hangs. No test on a busy machine should reach it.
  const timeout = isDeep ? 3_600_000 : 300_000
  return {
    resolve: { conditions },
    ssr: { resolve: { conditions, externalConditions: ["effect-couchdb-source", "node"] } },
    test: {
      projects,
      setupFiles: [fileURLToPath(new URL("packages/couchdb/test/support/setup.ts", import.meta.url))],
      ...(isDeep && { env: { DEEP: "1" } }),
      // Loading the modules again for each file takes longer than its tests, so files share them.
      pool: "forks",
      // Most objects of a test live briefly: a larger young generation spares collections.
      poolOptions: { forks: { execArgv: ["--max-semi-space-size=64"] } },
      isolate: false,
      maxWorkers: 2,
      minWorkers: 1,
      testTimeout: timeout,
      hookTimeout: timeout,
      sequence: { shuffle: true }
    }
  }
})
