import * as Equal from "effect/Equal"
import type * as Equivalence from "effect/Equivalence"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"

/**
 * Whether the schema says how its values compare, all the way down. `Schema.Unknown` and its like would be compared by
 * reference, so that a body with one would look edited after every read.
 */
const isKnown = (root: AST.AST): boolean => {
  const seen = new Set<AST.AST>()
  const known = (ast: AST.AST): boolean => {
    if (seen.has(ast)) return true
    seen.add(ast)
    if (Option.isSome(AST.getAnnotation(AST.EquivalenceAnnotationId)(ast))) {
      return ast._tag !== "Declaration" || ast.typeParameters.every(known)
    }
    switch (ast._tag) {
      case "UnknownKeyword":
      case "AnyKeyword":
      case "ObjectKeyword":
      case "Declaration":
      case "NeverKeyword":
        return false
      case "Refinement":
        return known(ast.from)
      case "Transformation":
        return known(ast.to)
      case "Suspend":
        return known(ast.f())
      case "Union":
        return ast.types.every(known)
      case "TupleType":
        return ast.elements.every((element) => known(element.type)) && ast.rest.every((rest) => known(rest.type))
      case "TypeLiteral":
        return ast.propertySignatures.every((property) => known(property.type)) &&
          ast.indexSignatures.every((signature) => known(signature.type))
      default:
        return true
    }
  }
  return known(root)
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null

/** Equality of what the values say: Effect's own where a value brings it, else member by member. */
export const structural = (self: unknown, that: unknown): boolean => {
  if (Object.is(self, that)) return true
  if (!isRecord(self) || !isRecord(that)) return false
  if (Equal.isEqual(self) || Equal.isEqual(that)) return Equal.equals(self, that)
  if (self instanceof Date || that instanceof Date) {
    return self instanceof Date && that instanceof Date && self.getTime() === that.getTime()
  }
  if (Object.getPrototypeOf(self) !== Object.getPrototypeOf(that)) return false
  if (Array.isArray(self)) {
    return Array.isArray(that) && self.length === that.length && self.every((item, i) => structural(item, that[i]))
  }
  if (self instanceof Map) return that instanceof Map && structural(Array.from(self), Array.from(that))
  if (self instanceof Set) return that instanceof Set && structural(Array.from(self), Array.from(that))
  const keys = Object.keys(self)
  return keys.length === Object.keys(that).length &&
    keys.every((key) => Object.hasOwn(that, key) && structural(self[key], that[key]))
}

/** How two bodies of a schema compare: as the schema says, or structurally where it does not say. */
export const equivalenceOf = <A, I, R>(schema: Schema.Schema<A, I, R>): Equivalence.Equivalence<A> =>
  isKnown(AST.typeAST(schema.ast)) ? Schema.equivalence(schema) : structural
