/**
 * Finds idioms that keep readers out: in comments, docstrings, messages and test names of TypeScript, and in Markdown.
 * CONTRIBUTING.md lists what to write instead.
 */
import { execFileSync } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import ts from "typescript"

const idioms = [
  [/\b(?:is|are|was|were|be|been) told\b|\btold\b/i, "is reported as, returns, fails with"],
  [/\btells?\b/i, "reports, shows, distinguishes"],
  [/\bstands\b(?! for\b)/i, "is stored, the current revision"],
  [/(?<!\bthere )\b(?:is|are|was|were) none\b/i, "is not a valid …, there is no …"],
  [
    /\bbehind\b(?! (?:(?:a|an|the|this|several) )?(?:real |local |reverse )?(?:prox|nginx|load balancer|gateway|TLS))/i,
    "after"
  ],
  [/\banew\b/i, "again, re-creates"],
  [/\b(?:goes|go|going|went|gone) on\b/i, "resumes from, continues"],
  [/\bunless (?:said|told) otherwise\b/i, "by default"],
  [/\bwho(?:ever| asks)\b/i, "the caller, the client"],
  [/\bmend(?:s|ed|ing)?\b/i, "fix"],
  [/\bso many\b/i, "at most n"],
  [
    /\bwhere (?:there|it|that|this|they|nothing|none|nobody|somebody|one|no \w+) (?:is|are|was|were|does|do|has|have)\b/i,
    "if, when"
  ],
  [/\bits own words\b/i, "its error and reason"],
  [/\b(?:a person (?:decides|has to)|for a person|to a person)\b/i, "manual review"],
  [/\bin vain\b/i, "finds nothing"]
]

/** The comments, strings and template texts of a source file, with their positions. */
const textsOf = (file, text) => {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const texts = []
  const scanner = ts.createScanner(ts.ScriptTarget.Latest, false, ts.LanguageVariant.Standard, text)
  for (let kind = scanner.scan(); kind !== ts.SyntaxKind.EndOfFileToken; kind = scanner.scan()) {
    if (kind === ts.SyntaxKind.SingleLineCommentTrivia || kind === ts.SyntaxKind.MultiLineCommentTrivia) {
      texts.push([scanner.getTokenStart(), scanner.getTokenText()])
    }
  }
  const visit = (node) => {
    if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node)) {
      texts.push([node.getStart(source), node.getText(source)])
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return texts
}

const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { encoding: "utf8" })
  .split("\n")
  .filter((file) => /\.(?:ts|mts|mjs|md|yml)$/.test(file) && file !== "scripts/language.mjs" && existsSync(file))

let found = 0
for (const file of files) {
  const text = readFileSync(file, "utf8")
  const seen = new Set()
  for (const [start, part] of /\.(?:md|yml)$/.test(file) ? [[0, text]] : textsOf(file, text)) {
    for (const [idiom, instead] of idioms) {
      for (const match of part.matchAll(new RegExp(idiom.source, "gi"))) {
        const at = start + match.index
        if (seen.has(at)) continue
        seen.add(at)
        found++
        const line = text.slice(0, at).split("\n").length
        if (!process.argv.includes("--count")) console.error(`${file}:${line} "${match[0]}": write ${instead}`)
      }
    }
  }
}
console.log(`${found} idioms in ${files.length} files`)
process.exitCode = found === 0 ? 0 : 1
