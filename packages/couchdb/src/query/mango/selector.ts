/** A member's name as a path writes it: a dot in a name is no step. */
type Escaped<K extends string> = K extends `${infer A}.${infer B}` ? `${A}\\.${Escaped<B>}` : K

/** An array or a scalar ends a path. */
type Inner<V> = V extends ReadonlyArray<unknown> ? never : V extends object ? V : never

/** Every path of a value and what is there, to a depth of as many steps as `D` has elements. */
type Entries<T, D extends ReadonlyArray<unknown>> = T extends unknown ? D extends readonly [unknown, ...infer Less] ? {
      [K in keyof T & string]-?:
        | readonly [Escaped<K>, T[K]]
        | (unknown extends T[K] ? readonly [`${Escaped<K>}.${string}`, unknown]
          : Less extends readonly [] ? never
          : Below<Escaped<K>, Entries<Inner<T[K]>, Less>>)
    }[keyof T & string]
  : never
  : never

type Below<K extends string, E> = E extends readonly [infer P extends string, infer V] ? readonly [`${K}.${P}`, V]
  : never

type Steps = readonly [0, 0, 0]

export type Flat<T> = { readonly [E in Entries<T, Steps> as E[0]]: E[1] }

/** What a document has on the wire besides its body. */
export type Wire<I> = I extends unknown
  ? I & { readonly _id: string; readonly _rev: string; readonly _attachments?: { readonly [name: string]: unknown } }
  : never

export type Path<T> = Entries<T, Steps>[0]

export type TypeName = "null" | "boolean" | "number" | "string" | "array" | "object"

interface Comparisons<V, C> {
  readonly $eq?: V
  readonly $ne?: V
  /** `null` sorts before everything else, so that `$gt: null` says: whatever it is. */
  readonly $gt?: V | null
  readonly $gte?: V | null
  readonly $lt?: V
  readonly $lte?: V
  readonly $in?: ReadonlyArray<V>
  readonly $nin?: ReadonlyArray<V>
  readonly $exists?: boolean
  readonly $type?: TypeName
  readonly $not?: C
  readonly $and?: ReadonlyArray<C>
  readonly $or?: ReadonlyArray<C>
  readonly $nor?: ReadonlyArray<C>
}

interface OfText {
  readonly $regex?: string
  readonly $beginsWith?: string
}

interface OfNumbers {
  readonly $mod?: readonly [divisor: number, remainder: number]
}

interface OfArrays<E> {
  readonly $all?: ReadonlyArray<E>
  readonly $size?: number
  readonly $elemMatch?: Condition<E>
  readonly $allMatch?: Condition<E>
}

interface OfObjects {
  readonly $keyMapMatch?: Condition<string>
}

type Has<V, Kind, Then> = [Extract<V, Kind>] extends [never] ? {} : Then

type Elements<V> = V extends ReadonlyArray<infer E> ? E : never

type OperatorsOf<V> =
  & Comparisons<V, Condition<V>>
  & Has<V, string, OfText>
  & Has<V, number, OfNumbers>
  & Has<V, ReadonlyArray<unknown>, OfArrays<Elements<V>>>
  & ([Inner<V>] extends [never] ? {} : OfObjects)

type Operators<V> = unknown extends V
  ? Comparisons<unknown, unknown> & OfText & OfNumbers & OfArrays<unknown> & OfObjects
  : OperatorsOf<V>

/** An object stands for conditions on its members. */
type Members<V> = V extends unknown ? { readonly [K in keyof V]?: Condition<V[K]> } : never

type Present<V> = Exclude<V, undefined>

type Literal<V> = V extends ReadonlyArray<unknown> ? V : V extends object ? never : V

export type Condition<V> = unknown extends V ? Operators<V> | string | number | boolean | null | object
  : Literal<Present<V>> | Operators<Present<V>> | Members<Inner<V>>

type Fields<F> = { readonly [P in keyof F]?: Condition<F[P]> }

interface Combinations<T> {
  readonly $and?: ReadonlyArray<Selector<T>>
  readonly $or?: ReadonlyArray<Selector<T>>
  readonly $nor?: ReadonlyArray<Selector<T>>
  readonly $not?: Selector<T>
}

export type Selector<T> = Fields<Flat<T>> & Combinations<T>

type Directed<P extends string, D> = { readonly [K in P]: { readonly [Q in K]: D } }[P]

/** CouchDB sorts all fields the same way. */
export type Sort<P extends string> = ReadonlyArray<P | Directed<P, "asc">> | ReadonlyArray<Directed<P, "desc">>

type Simplify<T> = { readonly [K in keyof T]: T[K] } & {}

type Rest<P, K extends string> = P extends `${K}.${infer R}` ? R : never

type IsWhole<K, P> = K extends string ? Escaped<K> extends P ? K : never : never

/** What remains of a member of which some paths are asked for. */
type Part<T, K, P> = K extends keyof T & string ? Narrow<Inner<T[K]>, Rest<P, Escaped<K>>> : never

type IsPart<T, K, P> = K extends keyof T & string
  ? Escaped<K> extends P ? never : [Rest<P, Escaped<K>>] extends [never] ? never : K
  : never

/** A member of which nothing asked for is there is left out. */
type IsSure<T, K, P> = K extends keyof T & string
  ? [Exclude<T[K], Inner<T[K]>>] extends [never] ? {} extends Part<T, K, P> ? never : IsPart<T, K, P> : never
  : never

export type Narrow<T, P> = T extends unknown ? Simplify<
    & { [K in keyof T as IsWhole<K, P>]: T[K] }
    & { [K in keyof T as IsSure<T, K, P>]: Part<T, K, P> }
    & { [K in keyof T as Exclude<IsPart<T, K, P>, IsSure<T, K, P>>]?: Part<T, K, P> }
  >
  : never
