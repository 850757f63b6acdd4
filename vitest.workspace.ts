import type { TestProjectConfiguration } from "vitest/config"

const project = (name: string): TestProjectConfiguration => ({
  extends: true,
  test: { name, root: `packages/${name}`, include: ["test/**/*.test.ts"] }
})

/** The packages whose tests `npm test` runs. */
export default ["couchdb", "couchdb-node", "couchdb-embedded", "simulation"].map(project)
