import type { TestProjectConfiguration } from "vitest/config"

/**
 * The packages whose tests `npm test` runs. They are one project, because each project loads Effect and the sources
 * again.
 */
export default [{
  extends: true,
  test: { name: "packages", include: ["packages/{couchdb,couchdb-node,couchdb-embedded,simulation}/test/**/*.test.ts"] }
}] satisfies ReadonlyArray<TestProjectConfiguration>
