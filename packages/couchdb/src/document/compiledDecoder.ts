import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"
import { copyJson } from "./snapshot.js"

/**
 * The result of a decoder of this module that cannot decide: `Schema` then decodes the input, and reports its issues.
 */
export const unfit: unique symbol = Symbol()

/** Decodes an input to the result of `Schema`, or to `unfit`. */
export type Decoder = (input: unknown) => unknown

export const parseOptions = { errors: "all", onExcessProperty: "ignore" } as const

/**
 * The decoders of one schema. With `copies`, they read JSON that is kept: the decoded value then shares no array and no
 * object with it, so that it may be edited in place. `values` are the decoders of values that the functions of a schema
 * return, which need no copies.
 */
class DecoderCache {
  readonly decoders = new Map<AST.AST, Decoder>()
  readonly values: DecoderCache
  constructor(readonly copies: boolean) {
    this.values = copies ? new DecoderCache(false) : this
  }
}

/** A decoder that always uses `Schema`. It does not run effects. */
const byParser = (ast: AST.AST, { copies }: DecoderCache): Decoder => {
  const parse = ParseResult.decodeUnknown(Schema.make<unknown, unknown, unknown>(ast), parseOptions)
  const shares = copies ? sharing(ast) : () => false
  return (input) => {
    const result = parse(shares() ? copyJson(input) : input)
    return Either.isEither(result) && Either.isRight(result) ? result.right : unfit
  }
}

const only = (fits: (input: unknown) => boolean): Decoder => (input) => fits(input) ? input : unfit

/** Whether decoding returns the input itself. */
const isLeaf = ({ _tag }: AST.AST): boolean =>
  _tag === "Literal" || _tag === "StringKeyword" || _tag === "NumberKeyword" || _tag === "BooleanKeyword"

const isPlainName = (name: PropertyKey): name is string => typeof name === "string" && name !== "__proto__"

const isRecord = (input: unknown): input is Record<string, unknown> =>
  typeof input === "object" && input !== null && !Array.isArray(input)

const struct = (signatures: ReadonlyArray<AST.PropertySignature>, known: DecoderCache): Decoder => {
  const members = signatures.map(({ isOptional, name, type }) => ({
    name: name as string,
    decode: compile(type, known),
    // Members that every object inherits are not members of the input.
    own: isOptional || (name as string) in Object.prototype,
    isOptional
  }))
  return (input) => {
    if (!isRecord(input)) return unfit
    const out: Record<string, unknown> = {}
    for (const { decode, isOptional, name, own } of members) {
      if (own && !Object.hasOwn(input, name)) {
        if (isOptional) continue
        return unfit
      }
      const value = input[name]
      const decoded = value === undefined ? unfit : decode(value)
      if (decoded === unfit) return unfit
      out[name] = decoded
    }
    return out
  }
}

const record = (type: AST.AST, known: DecoderCache): Decoder => {
  const decode = compile(type, known)
  return (input) => {
    if (!isRecord(input)) return unfit
    const out: Record<string, unknown> = {}
    for (const key of Object.keys(input)) {
      const decoded = key === "__proto__" ? unfit : decode(input[key])
      if (decoded === unfit) return unfit
      out[key] = decoded
    }
    return out
  }
}

const array = (type: AST.AST, known: DecoderCache): Decoder => {
  const decode = compile(type, known)
  return (input) => {
    if (!Array.isArray(input)) return unfit
    const out: Array<unknown> = []
    for (let i = 0; i < input.length; i++) {
      const decoded = decode(input[i])
      if (decoded === unfit) return unfit
      out.push(decoded)
    }
    return out
  }
}

/** If more than one member of a union matches, `Schema` determines which one takes precedence. */
const union = (types: ReadonlyArray<AST.AST>, known: DecoderCache): Decoder => {
  const all = types.map((type) => compile(type, known))
  if (types.every(isLeaf)) return only((input) => all.some((decode) => decode(input) !== unfit))
  return (input) => {
    let found: unknown = unfit
    for (const decode of all) {
      const decoded = decode(input)
      if (decoded === unfit) continue
      if (found !== unfit) return unfit
      found = decoded
    }
    return found
  }
}

/** Applies defaults and renames to each member. The struct of the type side then orders the members. */
const renamed = (ast: AST.Transformation, steps: AST.TypeLiteralTransformation, known: DecoderCache): Decoder => {
  const from = compile(ast.from, known)
  const to = compile(ast.to, known.values)
  const members = steps.propertySignatureTransformations
  return (input) => {
    const out = from(input)
    if (!isRecord(out)) return unfit
    for (const { decode, from, to } of members) {
      const before = from as string
      const had = Object.hasOwn(out, before)
      const decoded = decode(had ? Option.some(out[before]) : Option.none())
      if (had && (before !== to || Option.isNone(decoded))) delete out[before]
      if (Option.isSome(decoded)) out[to as string] = decoded.value
    }
    return to(out)
  }
}

const isStruct = (ast: AST.AST): boolean =>
  ast._tag === "TypeLiteral" && ast.indexSignatures.length === 0 && ast.propertySignatures.length > 0 &&
  ast.propertySignatures.every(({ name }) => isPlainName(name))

const transformation = (ast: AST.Transformation, known: DecoderCache): Decoder => {
  const { transformation: step } = ast
  if (step._tag === "TypeLiteralTransformation") {
    return isStruct(ast.from) && isStruct(ast.to) &&
        step.propertySignatureTransformations.every(({ from, to }) => isPlainName(from) && isPlainName(to))
      ? renamed(ast, step, known)
      : byParser(ast, known)
  }
  const from = compile(ast.from, known)
  const to = compile(ast.to, known.values)
  if (step._tag === "ComposeTransformation") {
    return (input) => {
      const decoded = from(input)
      return decoded === unfit ? unfit : to(decoded)
    }
  }
  return (input) => {
    const decoded = from(input)
    if (decoded === unfit) return unfit
    const result = step.decode(decoded, parseOptions, ast, input)
    return Either.isEither(result) && Either.isRight(result) ? to(result.right) : unfit
  }
}

const make = (ast: AST.AST, known: DecoderCache): Decoder => {
  switch (ast._tag) {
    case "StringKeyword":
      return only((input) => typeof input === "string")
    case "NumberKeyword":
      return only((input) => typeof input === "number")
    case "BooleanKeyword":
      return only((input) => typeof input === "boolean")
    case "Literal":
      return only((input) => input === ast.literal)
    case "UnknownKeyword":
    case "AnyKeyword":
      return known.copies ? copyJson : (input) => input
    case "TupleType":
      return ast.elements.length === 0 && ast.rest.length === 1
        ? array((ast.rest[0] as AST.Type).type, known)
        : byParser(ast, known)
    case "TypeLiteral": {
      const [index, ...others] = ast.indexSignatures
      return isStruct(ast)
        ? struct(ast.propertySignatures, known)
        : ast.propertySignatures.length === 0 && others.length === 0 && index?.parameter._tag === "StringKeyword"
        ? record(index.type, known)
        : byParser(ast, known)
    }
    case "Union":
      return union(ast.types, known)
    case "Refinement": {
      const from = compile(ast.from, known)
      return (input) => {
        const decoded = from(input)
        return decoded === unfit || Option.isSome(ast.filter(decoded, parseOptions, ast)) ? unfit : decoded
      }
    }
    case "Transformation":
      return transformation(ast, known)
    case "Suspend": {
      let inner: Decoder | undefined
      return (input) => (inner ??= compile(ast.f(), known))(input)
    }
    default:
      return byParser(ast, known)
  }
}

const compile = (ast: AST.AST, known: DecoderCache): Decoder => {
  const before = known.decoders.get(ast)
  if (before !== undefined) return before
  // Parse options in an annotation affect everything below it.
  const decoder = Option.isSome(AST.getParseOptionsAnnotation(ast)) ? byParser(ast, known) : make(ast, known)
  known.decoders.set(ast, decoder)
  return decoder
}

/** Whether all parts of a schema have a property, computed at first use: a suspended part may not exist before. */
const everywhere = (ast: AST.AST, holds: (part: AST.AST, inside: (part: AST.AST) => boolean) => boolean) => {
  let found: boolean | undefined
  return (): boolean => {
    if (found !== undefined) return found
    const seen = new Set<AST.AST>()
    const inside = (part: AST.AST): boolean => {
      if (seen.has(part)) return true
      seen.add(part)
      return holds(part, inside)
    }
    try {
      return found = inside(ast)
    } catch {
      // A suspended part does not exist yet.
      return false
    }
  }
}

const elementsOf = ({ elements, rest }: AST.TupleType): ReadonlyArray<AST.AST> =>
  [...elements, ...rest].map(({ type }) => type)

/** Whether the decoded value may share an array or an object with the input, as with `Schema.Unknown`. */
const sharing = (ast: AST.AST): () => boolean => {
  const renews = everywhere(ast, (part, inside) => {
    if (Option.isSome(AST.getParseOptionsAnnotation(part))) return false
    switch (part._tag) {
      case "UnknownKeyword":
      case "AnyKeyword":
      case "ObjectKeyword":
      case "Declaration":
        return false
      case "TupleType":
        return elementsOf(part).every(inside)
      case "TypeLiteral":
        return part.propertySignatures.length + part.indexSignatures.length > 0 &&
          [...part.propertySignatures, ...part.indexSignatures].every(({ type }) => inside(type))
      case "Union":
        return part.types.every(inside)
      case "Refinement":
      case "Transformation":
        return inside(part.from)
      case "Suspend":
        return inside(part.f())
      default:
        return true
    }
  })
  return () => !renews()
}

/**
 * Whether the decoded value depends only on the input, since no function of the program makes parts of it. It can then
 * be decoded again to restore its original value.
 */
const reproducing = (ast: AST.AST): () => boolean =>
  everywhere(ast, (part, inside) => {
    switch (part._tag) {
      case "StringKeyword":
      case "NumberKeyword":
      case "BooleanKeyword":
      case "Literal":
      case "Enums":
      case "TemplateLiteral":
      case "UnknownKeyword":
      case "AnyKeyword":
      case "ObjectKeyword":
        return true
      case "TupleType":
        return elementsOf(part).every(inside)
      case "TypeLiteral":
        return part.indexSignatures.every(({ parameter, type }) => inside(parameter) && inside(type)) &&
          part.propertySignatures.every(({ isOptional, type }) =>
            isOptional && type._tag === "Union"
              // Members that are undefined are not stored.
              ? type.types.every((member) => member._tag === "UndefinedKeyword" || inside(member))
              : inside(type)
          )
      case "Union":
        return part.types.every(inside)
      case "Refinement":
        return inside(part.from)
      case "Suspend":
        return inside(part.f())
      default:
        return false
    }
  })

/** Compiles a schema to functions that allocate little more than their result. */
export const compiled = (schema: Schema.Schema.All): Decoder => compile(schema.ast, new DecoderCache(false))

/**
 * The decoder of a collection. `computeReproducible` determines whether decoding the same input again returns an equal
 * value, and `isReproducible` is its result after the first call.
 */
export type Decode<A, R> = ReturnType<typeof ParseResult.decodeUnknown<A, unknown, R>> & {
  readonly computeReproducible: () => boolean
  isReproducible?: boolean
}

/**
 * `ParseResult.decodeUnknown` with these options, at the speed of a compiled schema if the input matches. The decoded
 * value shares no array and no object with the input.
 */
export const decodeUnknown = <A, I, R>(schema: Schema.Schema<A, I, R>): Decode<A, R> => {
  const parse = ParseResult.decodeUnknown(schema, parseOptions)
  const decode = compile(schema.ast, new DecoderCache(true))
  const shares = sharing(schema.ast)
  let waits = false
  const decodeInput: ReturnType<typeof ParseResult.decodeUnknown<A, I, R>> = (input, options) => {
    if (!waits && options === undefined) {
      const decoded = decode(input)
      if (decoded !== unfit) return Either.right(decoded as A)
    }
    const result = parse(shares() ? copyJson(input) : input, options)
    // If one document needs time or services, all of them do.
    waits ||= options === undefined && !Either.isEither(result)
    return result
  }
  return Object.assign(decodeInput, { computeReproducible: reproducing(schema.ast) })
}
