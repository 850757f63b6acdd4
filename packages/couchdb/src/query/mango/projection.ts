import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"

type Steps = ReadonlyArray<string>

/** The segments of a path. An escaped dot is part of a name. */
const stepsOf = (path: string): Steps =>
  Array.from(path.matchAll(/(?:\\.|[^.\\])+/g), ([step]) => step.replaceAll("\\.", "."))

/** A schema reduced to some paths. `isCertain` says that at least one of them is always present. */
interface Projected {
  readonly ast: AST.AST
  readonly isCertain: boolean
}

const uncertain = (ast: AST.AST): Projected => ({ ast, isCertain: false })

/** The remaining paths inside a member, or `undefined` if the whole member is requested. */
const inside = (paths: ReadonlyArray<Steps>, name: PropertyKey): ReadonlyArray<Steps> | undefined => {
  const matching = paths.filter(([first]) => first === name)
  return matching.some(({ length }) => length === 1) ? undefined : matching.map(([, ...rest]) => rest)
}

const ofMembers = (ast: AST.TypeLiteral, paths: ReadonlyArray<Steps>): Projected => {
  const requested = new Set(paths.map(([first]) => first))
  const members = ast.propertySignatures.flatMap((member) => {
    if (typeof member.name !== "string" || !requested.has(member.name)) return []
    requested.delete(member.name)
    const rest = inside(paths, member.name)
    if (rest === undefined) return [member]
    const { ast, isCertain } = project(member.type, rest)
    return [new AST.PropertySignature(member.name, ast, member.isOptional || !isCertain, true)]
  })
  const others = Array.from(requested).flatMap((name) =>
    name === undefined ? [] : ast.indexSignatures.slice(0, 1).map(({ type }) => {
      const rest = inside(paths, name)
      return new AST.PropertySignature(name, rest === undefined ? type : project(type, rest).ast, true, true)
    })
  )
  return {
    ast: new AST.TypeLiteral([...members, ...others], []),
    isCertain: members.some(({ isOptional }) => !isOptional)
  }
}

/** CouchDB leaves out a member if none of its requested parts exist, so only objects can occur here. */
const project = (ast: AST.AST, paths: ReadonlyArray<Steps>): Projected => {
  switch (ast._tag) {
    case "TypeLiteral":
      return ofMembers(ast, paths)
    case "Union": {
      const members = ast.types.map((member) => project(member, paths))
      const objects = members.filter(({ ast }) => ast._tag !== "NeverKeyword")
      return {
        ast: AST.Union.make(objects.map(({ ast }) => ast)),
        isCertain: objects.length === members.length && members.every(({ isCertain }) => isCertain)
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
      return uncertain(AST.unknownKeyword)
    default:
      return uncertain(AST.neverKeyword)
  }
}

const metadata = [
  new AST.PropertySignature("_id", AST.stringKeyword, false, true),
  new AST.PropertySignature("_rev", AST.stringKeyword, false, true),
  new AST.PropertySignature("_attachments", AST.unknownKeyword, true, true)
]

/** Adds the members that every document has on the wire besides its body. */
const withMetadata = (ast: AST.AST): AST.AST => {
  switch (ast._tag) {
    case "TypeLiteral":
      return new AST.TypeLiteral([...metadata, ...ast.propertySignatures], ast.indexSignatures)
    case "Union":
      return AST.Union.make(ast.types.map(withMetadata))
    case "Suspend":
      return withMetadata(ast.f())
    case "Refinement":
      return withMetadata(ast.from)
    default:
      return ast
  }
}

/** A decoder for rows that contain only some fields of a document, in their encoded form. */
export const projection = <A, I, R>(
  schema: Schema.Schema<A, I, R>,
  fields: ReadonlyArray<string>
): (row: unknown) => ReturnType<ReturnType<typeof ParseResult.decodeUnknownEither>> => {
  const { ast } = project(withMetadata(AST.encodedAST(schema.ast)), fields.map(stepsOf))
  return ParseResult.decodeUnknownEither(Schema.make(ast), { errors: "all", onExcessProperty: "ignore" })
}
