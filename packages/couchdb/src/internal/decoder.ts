import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"

/** What a decoder of this module gives where it does not know: `Schema` itself decides then, and finds the words. */
export const unfit: unique symbol = Symbol()

/** What comes out is what `Schema` gives, or `unfit`. */
export type Decoder = (input: unknown) => unknown

export const parseOptions = { errors: "all", onExcessProperty: "ignore" } as const

type Known = Map<AST.AST, Decoder>

/** One that leaves all to `Schema`. An effect is not run here. */
const byParser = (ast: AST.AST): Decoder => {
  const parse = ParseResult.decodeUnknown(Schema.make<unknown, unknown, unknown>(ast), parseOptions)
  return (input) => {
    const result = parse(input)
    return Either.isEither(result) && Either.isRight(result) ? result.right : unfit
  }
}

const only = (fits: (input: unknown) => boolean): Decoder => (input) => fits(input) ? input : unfit

/** Whether what fits comes out as it is. */
const isLeaf = ({ _tag }: AST.AST): boolean =>
  _tag === "Literal" || _tag === "StringKeyword" || _tag === "NumberKeyword" || _tag === "BooleanKeyword"

const isPlainName = (name: PropertyKey): name is string => typeof name === "string" && name !== "__proto__"

const isRecord = (input: unknown): input is Record<string, unknown> =>
  typeof input === "object" && input !== null && !Array.isArray(input)

const struct = (signatures: ReadonlyArray<AST.PropertySignature>, known: Known): Decoder => {
  const members = signatures.map(({ isOptional, name, type }) => ({
    name: name as string,
    decode: compile(type, known),
    // What every object inherits is no member of it.
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

const record = (type: AST.AST, known: Known): Decoder => {
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

const array = (type: AST.AST, known: Known): Decoder => {
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

/** Where more than one member fits, `Schema` knows which comes first. */
const union = (types: ReadonlyArray<AST.AST>, known: Known): Decoder => {
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

/** Defaults and other names, member by member; the struct that comes out puts them in their order. */
const renamed = (ast: AST.Transformation, steps: AST.TypeLiteralTransformation, known: Known): Decoder => {
  const from = compile(ast.from, known)
  const to = compile(ast.to, known)
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

const transformation = (ast: AST.Transformation, known: Known): Decoder => {
  const { transformation: step } = ast
  if (step._tag === "TypeLiteralTransformation") {
    return isStruct(ast.from) && isStruct(ast.to) &&
        step.propertySignatureTransformations.every(({ from, to }) => isPlainName(from) && isPlainName(to))
      ? renamed(ast, step, known)
      : byParser(ast)
  }
  const from = compile(ast.from, known)
  const to = compile(ast.to, known)
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

const make = (ast: AST.AST, known: Known): Decoder => {
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
      return (input) => input
    case "TupleType":
      return ast.elements.length === 0 && ast.rest.length === 1
        ? array((ast.rest[0] as AST.Type).type, known)
        : byParser(ast)
    case "TypeLiteral": {
      const [index, ...others] = ast.indexSignatures
      return isStruct(ast)
        ? struct(ast.propertySignatures, known)
        : ast.propertySignatures.length === 0 && others.length === 0 && index?.parameter._tag === "StringKeyword"
        ? record(index.type, known)
        : byParser(ast)
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
      return byParser(ast)
  }
}

const compile = (ast: AST.AST, known: Known): Decoder => {
  const before = known.get(ast)
  if (before !== undefined) return before
  // Options of its own change how all below is read.
  const decoder = Option.isSome(AST.getParseOptionsAnnotation(ast)) ? byParser(ast) : make(ast, known)
  known.set(ast, decoder)
  return decoder
}

/** A schema compiled once to functions that allocate what comes out, and little else. */
export const compiled = (schema: Schema.Schema.All): Decoder => compile(schema.ast, new Map())

/** `ParseResult.decodeUnknown` with these options, at the speed of a compiled schema where the input fits. */
export const decodeUnknown = <A, I, R>(
  schema: Schema.Schema<A, I, R>
): ReturnType<typeof ParseResult.decodeUnknown<A, I, R>> => {
  const parse = ParseResult.decodeUnknown(schema, parseOptions)
  const decode = compiled(schema)
  let waits = false
  return (input, options) => {
    if (waits || options !== undefined) return parse(input, options)
    const decoded = decode(input)
    if (decoded !== unfit) return Either.right(decoded as A)
    const result = parse(input)
    // What needs time or services for one document needs it for all.
    waits = !Either.isEither(result)
    return result
  }
}
