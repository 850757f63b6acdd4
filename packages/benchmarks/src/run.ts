/** Runs each case in its own process, against a stub in another process or against a CouchDB. */
import { build } from "esbuild"
import { type ChildProcess, execFile, fork } from "node:child_process"
import { rmSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import type { ClientName } from "./case.js"
import { cases } from "./cases.js"
import { newFolder } from "./folder.js"
import type { Figures } from "./measure.js"

export interface Run {
  readonly name: string
  readonly client: ClientName
  readonly count?: number | undefined
  readonly concurrency?: number | undefined
  readonly bytes?: number | undefined
  readonly fibers?: number | undefined
}

const usual = { concurrency: 32, bytes: 220 }

const source = (name: string): string => fileURLToPath(new URL(`${name}.ts`, import.meta.url))

export interface Bench {
  readonly run: (run: Run, options?: ReadonlyArray<string>) => Promise<Figures>
  readonly close: () => void
}

/**
 * Bundles the programs, so that no source is translated during a run. `apart` leaves Effect out of the bundle, so that a
 * profile distinguishes it from the library.
 */
export const open = async (couch: string | undefined, { apart = false } = {}): Promise<Bench> => {
  const folder = newFolder("bench")
  await build({
    entryPoints: [source("worker"), source("stub")],
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    platform: "node",
    format: "esm",
    target: "node20",
    conditions: ["effect-couchdb-source"],
    external: [
      "nano",
      "pouchdb",
      "@ibm-cloud/cloudant",
      "ibm-cloud-sdk-core",
      "undici",
      ...(apart ? ["effect", "effect/*", "@effect/platform", "@effect/platform/*"] : [])
    ],
    logLevel: "error"
  })
  // One stub for each document size.
  const stubs = new Map<number, Promise<{ readonly process: ChildProcess; readonly url: string }>>()
  const stub = (bytes: number) => {
    let known = stubs.get(bytes)
    if (known === undefined) {
      const started = fork(`${folder}/stub.mjs`, [String(bytes)])
      known = new Promise((resolve) =>
        started.once("message", (port) => resolve({ process: started, url: `http://127.0.0.1:${Number(port)}` }))
      )
      stubs.set(bytes, known)
    }
    return known
  }
  return {
    run: async (
      { bytes = usual.bytes, client, concurrency = usual.concurrency, count, fibers, name },
      options = []
    ) => {
      const which = cases[name]
      const url = which?.onCouch === true ? couch ?? "" : (await stub(bytes)).url
      const { stdout } = await promisify(execFile)(process.execPath, [
        ...options,
        `${folder}/worker.mjs`,
        name,
        client,
        url,
        String(count ?? which?.count),
        String(concurrency),
        String(bytes),
        ...(fibers === undefined ? [] : [String(fibers)])
      ], { timeout: 600_000 })
      return JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as Figures
    },
    close: () => {
      for (const started of stubs.values()) void started.then(({ process }) => process.disconnect())
      rmSync(folder, { recursive: true, force: true })
    }
  }
}
