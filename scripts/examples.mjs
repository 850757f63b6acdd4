// Type-checks every @example of the docstrings and every TypeScript block of the READMEs, each as a module of its own.
import { spawnSync } from "node:child_process"
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join, relative } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))
const out = join(root, "node_modules/.examples")
rmSync(out, { recursive: true, force: true })
mkdirSync(out, { recursive: true })

const sources = ["couchdb", "couchdb-node", "couchdb-embedded"].flatMap((name) => {
  const folder = join(root, "packages", name, "src")
  return readdirSync(folder, { recursive: true }).filter((file) => file.endsWith(".ts")).map((file) =>
    join(folder, file)
  )
})
const origins = new Map()
let count = 0

function add(text, file, line) {
  const name = `example-${++count}.ts`
  writeFileSync(join(out, name), `${text}\nexport {}\n`)
  origins.set(name, `${relative(root, file)}:${line}`)
}

for (const file of sources) {
  const lines = readFileSync(file, "utf8").split("\n")
  for (let i = 0; i < lines.length; i++) {
    if (!/^\s*\* @example/.test(lines[i])) continue
    const start = i + 1
    const block = []
    for (i++; i < lines.length && !/^\s*\*(?:\/| @)/.test(lines[i]); i++) block.push(lines[i].replace(/^\s*\* ?/, ""))
    i--
    add(block.join("\n"), file, start)
  }
}
for (const folder of ["", "packages/couchdb", "packages/couchdb-node", "packages/couchdb-embedded"]) {
  const readme = join(root, folder, "README.md")
  const text = readFileSync(readme, "utf8")
  for (const match of text.matchAll(/```ts\n([\s\S]*?)```/g)) {
    add(match[1], readme, text.slice(0, match.index).split("\n").length)
  }
}

writeFileSync(join(out, "package.json"), `{ "type": "module" }`)
writeFileSync(
  join(out, "tsconfig.json"),
  JSON.stringify({
    extends: relative(out, join(root, "tsconfig.base.json")),
    compilerOptions: { noEmit: true, noUnusedLocals: false, types: [], declaration: false, declarationMap: false },
    include: ["*.ts"]
  })
)
const { status, stdout } = spawnSync("npx", ["tsc", "-p", out], {
  cwd: root,
  encoding: "utf8",
  shell: process.platform === "win32"
})
for (const line of stdout.split("\n").filter(Boolean)) {
  const [path] = line.split("(")
  console.error(line.replace(path, origins.get(path.split(/[\\/]/).pop()) ?? path))
}
console.log(`${count} examples, ${status === 0 ? "all compile" : "some do not compile"}`)
rmSync(out, { recursive: true, force: true })
process.exit(status ?? 1)
