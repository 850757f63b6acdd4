/** Measures the size and the load time of a program that fetches and saves one document. */
import { build, type BuildOptions } from "esbuild"
import { execFile } from "node:child_process"
import { rmSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { gzipSync } from "node:zlib"
import { newFolder } from "./folder.js"
import { median } from "./measure.js"

const effects = ["effect", "effect/*", "@effect/platform", "@effect/platform/*"]

/** Bundles a program with the built packages, as their users do: `npm run build` makes them. */
const bundled = async (name: string, options: BuildOptions = {}): Promise<string> => {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(`bundled/${name}.ts`, import.meta.url))],
    bundle: true,
    minify: true,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    target: "es2022",
    logLevel: "error",
    write: false,
    ...options
  })
  return outputFiles?.[0]?.text ?? ""
}

const kB = (text: string): number => Math.round(gzipSync(text, { level: 9 }).length / 100) / 10

/** The load time of a module in milliseconds, in a separate process. */
const loading = async (statement: string): Promise<number> => {
  const folder = newFolder("load")
  try {
    const file = `${folder}/load.mjs`
    writeFileSync(
      file,
      `const begun = performance.now()\n${statement}\nconsole.log(performance.now() - begun)\nprocess.exit(0)\n`
    )
    const times: Array<number> = []
    for (let i = 0; i < 5; i++) {
      times.push(Number((await promisify(execFile)(process.execPath, [file])).stdout.trim()))
    }
    return Math.round(median(times))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const loadingText = async (text: string): Promise<number> =>
  loading(`await import("data:text/javascript;base64,${Buffer.from(text).toString("base64")}")`)

/** Sizes in kB, minified and compressed: the whole, its difference to the same program by hand, and the library alone. */
export const bundle = async () => {
  const whole = await bundled("program")
  const base = await bundled("base")
  const own = await bundled("program", { external: effects })
  const resolving = await bundled("resolve")
  // The program is loaded and must not send requests.
  const still = (text: string): string => `globalThis.fetch = () => new Promise(() => {});${text}`
  return {
    nano: { importMs: await loading(`await import("nano")`) },
    pouchdb: { importMs: await loading(`await import("pouchdb")`) },
    cloudant: { importMs: await loading(`await import("@ibm-cloud/cloudant")`) },
    "effect by hand": { kB: kB(base), importMs: await loadingText(still(base)) },
    "effect-couchdb": {
      kB: kB(whole),
      addsKB: Math.round(10 * (kB(whole) - kB(base))) / 10,
      ownKB: kB(own),
      resolveKB: kB(resolving),
      importMs: await loadingText(still(whole))
    }
  }
}
