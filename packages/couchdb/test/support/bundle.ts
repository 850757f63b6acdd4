import * as Effect from "effect/Effect"
import type { Scope } from "effect/Scope"
import { build } from "esbuild"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

/** A program in one file, as `node` runs it. A process that loads each module by itself takes ten times as long to start. */
export const bundle = (entry: URL): Effect.Effect<string, never, Scope> =>
  Effect.acquireRelease(
    Effect.promise(() => mkdtemp(join(tmpdir(), "effect-couchdb-"))),
    (folder) => Effect.promise(() => rm(folder, { recursive: true, force: true }))
  ).pipe(
    Effect.map((folder) => join(folder, "program.mjs")),
    Effect.tap((outfile) =>
      Effect.promise(() =>
        build({
          entryPoints: [fileURLToPath(entry)],
          outfile,
          bundle: true,
          platform: "node",
          format: "esm",
          conditions: ["effect-couchdb-source"],
          logLevel: "error",
          banner: {
            js: "import { createRequire } from \"node:module\"; const require = createRequire(import.meta.url)"
          }
        })
      )
    )
  )
