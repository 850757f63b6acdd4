import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"

type Steps = ReadonlyArray<string>

/** The steps of a path: a dot that is escaped belongs to a name. */
const stepsOf = (path: string): Steps =>
  Array.from(path.matchAll(/(?:\\.|[^.\\])+/g), ([step]) => step.replaceAll("\\.", "."))

/** What is left of a schema of which some paths are asked for; `sure` says that there is always something. */
interface Projected {
  readonly ast: AST.AST
  readonly sure: boolean
}

const unsure = (ast: AST.AST): Projected => ({ ast, sure: false })

/** The paths below a member, or `undefined` where all of it is asked for. */
const below = (paths: ReadonlyArray<Steps>, name: PropertyKey): ReadonlyArray<Steps> | undefined => {
  const mine = paths.filter(([first]) => first === name)
  return mine.some(({ length }) => length === 1) ? undefined : mine.map(([, ...rest]) => rest)
}

const ofMembers = (ast: AST.TypeLiteral, paths: ReadonlyArray<Steps>): Projected => {
  const asked = new Set(paths.map(([first]) => first))
  const members = ast.propertySignatures.flatMap((member) => {
    if (typeof member.name !== "string" || !asked.has(member.name)) return []
    asked.delete(member.name)
    const rest = below(paths, member.name)
    if (rest === undefined) return [member]
    const { ast, sure } = project(member.type, rest)
    return [new AST.PropertySignature(member.name, ast, member.isOptional || !sure, true)]
  })
  const others = Array.from(asked).flatMap((name) =>
    name === undefined ? [] : ast.indexSignatures.slice(0, 1).map(({ type }) => {
      const rest = below(paths, name)
      return new AST.PropertySignature(name, rest === undefined ? type : project(type, rest).ast, true, true)
    })
  )
  return {
    ast: new AST.TypeLiteral([...members, ...others], []),
    sure: members.some(({ isOptional }) => !isOptional)
  }
}

/** CouchDB leaves out a member of which nothing that was asked for is there, so what is no object is never seen. */
const project = (ast: AST.AST, paths: ReadonlyArray<Steps>): Projected => {
  switch (ast._tag) {
    case "TypeLiteral":
      return ofMembers(ast, paths)
    case "Union": {
      const members = ast.types.map((member) => project(member, paths))
      const objects = members.filter(({ ast }) => ast._tag !== "NeverKeyword")
      return {
        ast: AST.Union.make(objects.map(({ ast }) => ast)),
        sure: objects.length === members.length && members.every(({ sure }) => sure)
      }
    }
    case "Suspend":
      return project(ast.f(), paths)
    case "Refinement":
      return project(ast.from, paths)
    case "UnknownKeyword":
    case "AnyKeyword":
    case "ObjectKeyword":
    case "Declaration":
      return unsure(AST.unknownKeyword)
    default:
      return unsure(AST.neverKeyword)
  }
}

const own = [
  new AST.PropertySignature("_id", AST.stringKeyword, false, true),
  new AST.PropertySignature("_rev", AST.stringKeyword, false, true),
  new AST.PropertySignature("_attachments", AST.unknownKeyword, true, true)
]

/** What every document has on the wire besides its body. */
const withOwn = (ast: AST.AST): AST.AST => {
  switch (ast._tag) {
    case "TypeLiteral":
      return new AST.TypeLiteral([...own, ...ast.propertySignatures], ast.indexSignatures)
    case "Union":
      return AST.Union.make(ast.types.map(withOwn))
    case "Suspend":
      return withOwn(ast.f())
    case "Refinement":
      return withOwn(ast.from)
    default:
      return ast
  }
}

/** How a row is checked that holds some fields of a document only, as they are on the wire. */
export const projection = <A, I, R>(
  schema: Schema.Schema<A, I, R>,
  fields: ReadonlyArray<string>
): (row: unknown) => ReturnType<ReturnType<typeof ParseResult.decodeUnknownEither>> => {
  const { ast } = project(withOwn(AST.encodedAST(schema.ast)), fields.map(stepsOf))
  return ParseResult.decodeUnknownEither(Schema.make(ast), { errors: "all", onExcessProperty: "ignore" })
}
