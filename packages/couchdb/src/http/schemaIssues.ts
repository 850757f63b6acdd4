import type * as ParseResult from "effect/ParseResult"
import type { SchemaIssue } from "./errors.js"

const toArray = <A>(issues: ParseResult.SingleOrNonEmpty<A>): ReadonlyArray<A> =>
  Array.isArray(issues) ? issues : [issues as A]

/**
 * The parts of a value that do not match a schema, and what the schema expects. The value itself is omitted: messages
 * never contain bodies.
 */
export const schemaIssues = (root: ParseResult.ParseIssue): ReadonlyArray<SchemaIssue> => {
  const found: Array<SchemaIssue> = []
  const walk = (issue: ParseResult.ParseIssue, path: ReadonlyArray<PropertyKey>): void => {
    switch (issue._tag) {
      case "Type":
        found.push({ path, expected: `expected ${String(issue.ast)}` })
        break
      case "Missing":
        found.push({ path, expected: "is missing" })
        break
      case "Unexpected":
        found.push({ path, expected: "is not expected" })
        break
      case "Forbidden":
        found.push({ path, expected: "needs an effect that cannot run here" })
        break
      case "Pointer":
        walk(issue.issue, [...path, ...toArray(issue.path)])
        break
      case "Refinement":
        if (issue.kind === "From") walk(issue.issue, path)
        else found.push({ path, expected: `expected ${String(issue.ast)}` })
        break
      case "Transformation":
        walk(issue.issue, path)
        break
      case "Composite":
        // Every member of a union reports an issue: one issue that names the union is clearer.
        if (issue.ast._tag === "Union") found.push({ path, expected: `expected ${String(issue.ast)}` })
        else for (const inner of toArray(issue.issues)) walk(inner, path)
        break
    }
  }
  walk(root, [])
  return found
}
