import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"
import projects from "./vitest.workspace.js"

const conditions = ["effect-couchdb-source", "module", "node", "development|production"]

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ["effect-couchdb-source", "node"] } },
  test: {
    projects,
    setupFiles: [fileURLToPath(new URL(".ci/assertions.ts", import.meta.url))],
    maxWorkers: 2,
    minWorkers: 1,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    sequence: { shuffle: true }
  }
})
