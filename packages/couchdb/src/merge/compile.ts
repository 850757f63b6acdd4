import type * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"
import { structural } from "../data/equivalence.js"
import type * as Types from "./Merge.js"
import { type Node, overlap } from "./node.js"
import * as leaves from "./scalars.js"
import * as strategies from "./strategy.js"
import * as structs from "./structs.js"

const isNothing = (ast: AST.AST): boolean =>
  ast._tag === "UndefinedKeyword" || ast._tag === "VoidKeyword" || (ast._tag === "Literal" && ast.literal === null)

/** The only member of a union that is not null or undefined. */
const nonNullMember = (ast: AST.Union): Option.Option<AST.AST> => {
  const members = ast.types.filter((member) => !isNothing(member))
  return members.length === 1 ? Option.fromNullable(members[0]) : Option.none()
}

/** The nearest strategy, from the schema down to the schemas that it is made of. */
const strategyOf = (ast: AST.AST): Option.Option<Types.Strategy<never>> =>
  Option.orElse(strategies.annotated(ast), () => {
    switch (ast._tag) {
      case "Refinement":
        return strategyOf(ast.from)
      case "Transformation":
        return Option.orElse(strategyOf(ast.to), () => strategyOf(ast.from))
      case "Union":
        return Option.flatMap(nonNullMember(ast), strategyOf)
      default:
        return Option.none()
    }
  })

const typeSchema = (ast: AST.AST): Schema.Schema<unknown> => Schema.make<unknown>(AST.typeAST(ast))

/** Builds the node of each schema at its first use, so that recursive schemas terminate. */
class Compiler {
  private readonly nodes = new Map<AST.AST, Node>()

  nodeOf(ast: AST.AST): Node {
    const found = this.nodes.get(ast)
    if (found !== undefined) return found
    let built: Node | undefined
    const node = (): Node => built ??= this.build(ast)
    const lazy: Node = {
      merge: (sides, run) => node().merge(sides, run),
      equals: (self, that) => node().equals(self, that),
      get computed() {
        return node().computed
      }
    }
    this.nodes.set(ast, lazy)
    return lazy
  }

  private build(ast: AST.AST): Node {
    const equals = structural
    const strategy = strategyOf(ast)
    if (Option.isSome(strategy)) {
      return checked(ast, strategies.bind(strategy.value, { equals, element: () => this.elementOf(ast) }))
    }
    return checked(ast, this.structure(ast, equals))
  }

  private elementOf(ast: AST.AST): Node {
    switch (ast._tag) {
      case "TupleType":
        return this.nodeOf(ast.rest[0] === undefined ? AST.unknownKeyword : ast.rest[0].type)
      case "Refinement":
        return this.elementOf(ast.from)
      case "Transformation":
        return this.elementOf(ast.to._tag === "TupleType" && ast.from._tag === "TupleType" ? ast.from : ast.to)
      case "Union":
        return Option.match(nonNullMember(ast), {
          onNone: () => this.nodeOf(AST.unknownKeyword),
          onSome: (member) => this.elementOf(member)
        })
      case "Suspend":
        return this.elementOf(ast.f())
      default:
        return this.nodeOf(AST.unknownKeyword)
    }
  }

  private structure(ast: AST.AST, equals: Node["equals"]): Node {
    switch (ast._tag) {
      case "Refinement":
        return this.nodeOf(ast.from)
      case "Suspend":
        return this.nodeOf(ast.f())
      case "Transformation":
        return this.transformation(ast, equals)
      case "TypeLiteral":
        return this.typeLiteral(ast, () => Option.none())
      case "TupleType":
        return ast.rest.length === 0 && ast.elements.every((element) => !element.isOptional)
          ? structs.tuple(ast.elements.map((element) => this.nodeOf(element.type)), leaves.equal(equals))
          : leaves.equal(equals)
      case "Union":
        return structs.union(
          ast.types.filter((member) => !isNothing(member)).map((member) => ({
            is: ParseResult.is(typeSchema(member)),
            node: this.nodeOf(member)
          })),
          leaves.equal(equals)
        )
      default:
        return leaves.equal(equals)
    }
  }

  private transformation(ast: AST.Transformation, equals: Node["equals"]): Node {
    if (ast.to._tag === "TypeLiteral") {
      const from = ast.from._tag === "TypeLiteral" ? ast.from : undefined
      return this.typeLiteral(ast.to, (key) => {
        // The strategy of a renamed, optional or defaulted field is annotated on the side that is decoded.
        const renamed = ast.transformation._tag === "TypeLiteralTransformation"
          ? ast.transformation.propertySignatureTransformations.find(({ to }) => to === key)?.from ?? key
          : key
        return Option.fromNullable(from?.propertySignatures.find(({ name }) => name === renamed)?.type)
      })
    }
    const fields = classFields(ast)
    return Option.isSome(fields)
      ? rebuilt(ast, this.structure(fields.value, equals), equals)
      : this.nodeOf(ast.to)
  }

  private typeLiteral(
    ast: AST.TypeLiteral,
    readAs: (key: PropertyKey) => Option.Option<AST.AST>
  ): Node {
    const fields = new Map(ast.propertySignatures.map(({ name, type }) => {
      const read = readAs(name)
      const node = Option.isSome(read) && hasStrategy(read.value) && Option.isNone(strategyOf(type))
        ? this.nodeOf(read.value)
        : this.nodeOf(type)
      return [name, node] as const
    }))
    const signatures = ast.indexSignatures.map(({ parameter, type }) => ({
      is: ParseResult.is(typeSchema(parameter)),
      node: this.nodeOf(type)
    }))
    const rest = signatures.length === 0
      ? undefined
      : (key: PropertyKey) => signatures.find(({ is }) => is(key))?.node
    return structs.struct(fields, rest, structs.memberwise(fields, rest))
  }
}

/** Compiles the whole AST of a schema, including transformations: its type side alone lacks their annotations. */
export const compile = (root: AST.AST): Node => new Compiler().nodeOf(root)

/** Whether a schema contains a strategy, so that its encoded side must be compiled. */
const hasStrategy = (root: AST.AST): boolean => {
  const seen = new Set<AST.AST>()
  const has = (ast: AST.AST): boolean => {
    if (seen.has(ast)) return false
    seen.add(ast)
    if (Option.isSome(strategies.annotated(ast))) return true
    switch (ast._tag) {
      case "Refinement":
        return has(ast.from)
      case "Transformation":
        return has(ast.from) || has(ast.to)
      case "Suspend":
        return has(ast.f())
      case "Union":
        return ast.types.some(has)
      case "TupleType":
        return ast.elements.some(({ type }) => has(type)) || ast.rest.some(({ type }) => has(type))
      case "TypeLiteral":
        return ast.propertySignatures.some(({ type }) => has(type)) ||
          ast.indexSignatures.some(({ type }) => has(type))
      default:
        return false
    }
  }
  return has(root)
}

/** The fields of a class, which its transformation converts to an instance. */
const classFields = (ast: AST.Transformation): Option.Option<AST.AST> =>
  ast.to._tag === "Declaration" && Option.isSome(AST.getSurrogateAnnotation(ast.to))
    ? Option.some(ast.from)
    : Option.none()

/** Merges the members as a plain object, and makes an instance of the class from them, which runs its checks. */
const rebuilt = (ast: AST.Transformation, members: Node, equals: Node["equals"]): Node => ({
  equals,
  merge: (sides, run) => {
    const before = run.clashes.length
    const merged = members.merge(sides, run)
    if (run.clashes.length > before || ast.transformation._tag !== "FinalTransformation") return merged
    const made = ast.transformation.decode(merged, {}, ast, merged)
    return Option.match(resultNow(made), {
      onNone: () => overlap(sides, run, "the merged members do not make an instance of the class"),
      onSome: (instance) => instance
    })
  }
})

/** The result of an effect that needs neither time nor services; `None` if it fails or would have to wait. */
const resultNow = (effect: Effect.Effect<unknown, unknown, unknown>): Option.Option<unknown> =>
  Either.isEither(effect)
    ? Either.getRight(effect as Either.Either<unknown, unknown>)
    : Option.none()

/** Checks the merged value: a filter that accepts both sides may refuse it. */
const checked = (ast: AST.AST, node: Node): Node =>
  ast._tag !== "Refinement"
    ? node
    : {
      ...node,
      equals: node.equals,
      merge: (sides, run) => {
        const before = run.clashes.length
        const merged = node.merge(sides, run)
        if (run.clashes.length > before || merged === sides.mine || merged === sides.theirs) return merged
        return Option.match(ast.filter(merged, {}, ast), {
          onNone: () => merged,
          onSome: () => overlap(sides, run, `the merged value is not ${String(ast)}`)
        })
      }
    }
