/**
 * The public API: every name that the packages export, with its type. `npm run surface` compares it with the `api.txt` of
 * each package, and `npm run surface -- --update` writes it.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import ts from "typescript"

const root = fileURLToPath(new URL("..", import.meta.url))
const update = process.argv.includes("--update")
const packages = ["couchdb", "couchdb-node", "couchdb-embedded"].map((name) => `${root}packages/${name}`)

const entriesOf = (folder) =>
  Object.entries(JSON.parse(readFileSync(`${folder}/package.json`, "utf8")).tshy.exports)
    .filter(([, path]) => path.endsWith(".ts"))
    .map(([entry, path]) => [entry, `${folder}/${path.slice(2)}`])

const { config } = ts.readConfigFile(`${root}tsconfig.json`, ts.sys.readFile)
const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root)
const program = ts.createProgram(packages.flatMap(entriesOf).map(([, path]) => path), { ...options, noEmit: true })
const checker = program.getTypeChecker()

/** Import paths in types depend on the machine. */
const portable = (text) => text.replaceAll(/import\("[^"]*\/([^"/]+)"[^)]*\)/g, "$1").replaceAll(/\s+/g, " ")

/** A declaration without its comments and its body. */
const declarationOf = (node) => {
  const printer = ts.createPrinter({ removeComments: true })
  return printer.printNode(ts.EmitHint.Unspecified, node, node.getSourceFile())
}

const describe = (symbol) => {
  const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
  const [declaration] = target.declarations ?? []
  if (declaration === undefined) return []
  if (ts.isSourceFile(declaration) || ts.isNamespaceExport(declaration)) return [`namespace ${symbol.name}`]
  const lines = []
  if (target.flags & (ts.SymbolFlags.Interface | ts.SymbolFlags.TypeAlias)) {
    for (
      const each of target.declarations.filter((d) => ts.isInterfaceDeclaration(d) || ts.isTypeAliasDeclaration(d))
    ) {
      lines.push(declarationOf(each).replace(/^export /, ""))
    }
  }
  if (target.flags & ts.SymbolFlags.Class) {
    const type = checker.typeToString(checker.getTypeOfSymbol(target), undefined, ts.TypeFormatFlags.NoTruncation)
    const members = checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(target)).filter((member) =>
      member.declarations?.some((each) => program.isSourceFileFromExternalLibrary(each.getSourceFile()) === false)
    )
    lines.push(
      `class ${symbol.name}: ${type} { ${
        members.map(({ name }) => name.replace(/^__@(\w+)@\d+$/, "[$1]")).sort().join(", ")
      } }`
    )
  } else if (target.flags & ts.SymbolFlags.Value) {
    const type = checker.getTypeOfSymbolAtLocation(target, declaration)
    lines.push(
      `const ${symbol.name}: ${checker.typeToString(type, declaration, ts.TypeFormatFlags.NoTruncation)}`
    )
  }
  return lines.map((line) => portable(line))
}

let differs = false
for (const folder of packages) {
  const sections = entriesOf(folder).map(([entry, path]) => {
    const module = checker.getSymbolAtLocation(program.getSourceFile(path))
    const names = checker.getExportsOfModule(module).sort((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0)
    return `# ${entry}\n\n${names.flatMap(describe).join("\n")}\n`
  })
  const text = sections.join("\n")
  const file = `${folder}/api.txt`
  if (update) writeFileSync(file, text)
  else if (!existsSync(file) || readFileSync(file, "utf8") !== text) {
    differs = true
    console.error(`${file.slice(root.length)} is out of date: run npm run surface -- --update, and review the diff`)
  }
}
process.exitCode = differs ? 1 : 0
