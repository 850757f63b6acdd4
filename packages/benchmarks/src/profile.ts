/**
 * Profiles a case: `npm run profile -- [--case get] [--client effect-couchdb] [--top 12] [--json]`. The own time of each
 * function in V8's profile is added to the part of the program that contains its file. The time of code without a file (a
 * write to a socket, a regular expression) is added to the part of its caller.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import type { ClientName } from "./case.js"
import { open } from "./run.js"

interface Frame {
  readonly functionName: string
  readonly url: string
  readonly lineNumber: number
}

interface Node {
  readonly id: number
  readonly callFrame: Frame
  readonly children?: ReadonlyArray<number>
}

interface Profile {
  readonly nodes: ReadonlyArray<Node>
  readonly samples: ReadonlyArray<number>
  readonly timeDeltas: ReadonlyArray<number>
}

const { values: options } = parseArgs({
  options: {
    case: { type: "string", default: "get" },
    client: { type: "string", default: "effect-couchdb" },
    count: { type: "string", default: "100000" },
    bytes: { type: "string", default: "220" },
    top: { type: "string", default: "12" },
    json: { type: "boolean", default: false }
  }
})

/** The part of the program that contains the function, or `undefined` for that of its caller. */
const partOf = ({ functionName, url }: Frame): string | undefined => {
  if (functionName === "(garbage collector)") return "garbage collection"
  if (functionName === "(idle)" || functionName === "(root)") return "idle"
  if (functionName === "(program)") return "V8 itself"
  if (/node_modules\/undici\//.test(url)) return "transport: undici"
  if (/node_modules\/effect\/.*\/(?:ParseResult|Schema|SchemaAST)\.js/.test(url)) return "codec"
  if (/node_modules\/effect\//.test(url)) return "Effect runtime"
  if (/node:(?:internal\/(?:modules|bootstrap|process\/esm)|module)/.test(url)) return "loading modules"
  if (url.startsWith("node:")) return "transport: node's sockets"
  return url === "" || url.startsWith("wasm") ? undefined : "this library"
}

const folder = mkdtempSync(join(tmpdir(), "effect-couchdb-profile-"))
const bench = await open(process.env["COUCHDB_URL"], { apart: true })
await bench.run(
  {
    name: options.case,
    client: options.client as ClientName,
    count: Number(options.count),
    bytes: Number(options.bytes)
  },
  ["--cpu-prof", "--cpu-prof-interval", "200", `--cpu-prof-dir=${folder}`]
).finally(bench.close)
const [file = ""] = readdirSync(folder)
const profile = JSON.parse(readFileSync(join(folder, file), "utf8")) as Profile
rmSync(folder, { recursive: true })

const own = new Map<number, number>()
profile.samples.forEach((id, i) => own.set(id, (own.get(id) ?? 0) + (profile.timeDeltas[i] ?? 0)))

const parts = new Map<string, number>()
const functions = new Map<string, number>()
const nodes = new Map(profile.nodes.map((node) => [node.id, node]))
const add = (all: Map<string, number>, name: string, time: number): void => {
  all.set(name, (all.get(name) ?? 0) + time)
}
const walk = (node: Node, above: string): void => {
  const part = partOf(node.callFrame) ?? above
  const time = own.get(node.id) ?? 0
  add(parts, part, time)
  const { functionName, lineNumber, url } = node.callFrame
  const place = url === "" ? "" : ` ${url.split("/").slice(-2).join("/")}:${lineNumber + 1}`
  add(functions, `${part}: ${functionName || "(anonymous)"}${place}`, time)
  for (const child of node.children ?? []) {
    const below = nodes.get(child)
    if (below !== undefined) walk(below, part)
  }
}
const [root] = profile.nodes
if (root !== undefined) walk(root, "idle")

const total = Array.from(parts).reduce((sum, [part, time]) => part === "idle" ? sum : sum + time, 0)
const shares = (all: Map<string, number>, maxEntries: number) =>
  Array.from(all)
    .filter(([name]) => !name.startsWith("idle"))
    .sort(([, one], [, other]) => other - one)
    .slice(0, maxEntries)
    .map(([name, time]) => [name, Math.round(1000 * time / total) / 10] as const)

const found = { parts: shares(parts, 20), functions: shares(functions, Number(options.top)) }
process.stdout.write(
  options.json
    ? `${JSON.stringify({ parts: Object.fromEntries(found.parts), functions: Object.fromEntries(found.functions) })}\n`
    : `${options.case}, ${options.client}: own time by part\n${
      found.parts.map(([name, share]) => `${share.toFixed(1).padStart(6)} %  ${name}\n`).join("")
    }\nthe functions with the longest own time\n${
      found.functions.map(([name, share]) => `${share.toFixed(1).padStart(6)} %  ${name}\n`).join("")
    }`
)
