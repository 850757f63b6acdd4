/** A member name as written in a path: dots are escaped. */
type Escaped<K extends string> = K extends `${infer A}.${infer B}` ? `${A}\\.${Escaped<B>}` : K

/** The value, if paths continue into it: they end at arrays and scalars. */
type Inner<V> = V extends ReadonlyArray<unknown> ? never : V extends object ? V : never

/** Every path of a value with the type at this path. The length of `D` is the maximum depth. */
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

/** A document on the wire: its body with `_id`, `_rev` and `_attachments`. */
export type Wire<I> = I extends unknown
  ? I & { readonly _id: string; readonly _rev: string; readonly _attachments?: { readonly [name: string]: unknown } }
  : never

export type Path<T> = Entries<T, Steps>[0]

export type TypeName = "null" | "boolean" | "number" | "string" | "array" | "object"

interface Comparisons<V, C> {
  readonly $eq?: V
  readonly $ne?: V
  /** `null` sorts before everything else, so `$gt: null` matches every other value. */
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

interface StringOperators {
  readonly $regex?: string
  readonly $beginsWith?: string
}

interface NumberOperators {
  readonly $mod?: readonly [divisor: number, remainder: number]
}

interface ArrayOperators<E> {
  readonly $all?: ReadonlyArray<E>
  readonly $size?: number
  readonly $elemMatch?: Condition<E>
  readonly $allMatch?: Condition<E>
}

interface ObjectOperators {
  readonly $keyMapMatch?: Condition<string>
}

type IfIncludes<V, Kind, Then> = [Extract<V, Kind>] extends [never] ? {} : Then

type Elements<V> = V extends ReadonlyArray<infer E> ? E : never

type OperatorsOf<V> =
  & Comparisons<V, Condition<V>>
  & IfIncludes<V, string, StringOperators>
  & IfIncludes<V, number, NumberOperators>
  & IfIncludes<V, ReadonlyArray<unknown>, ArrayOperators<Elements<V>>>
  & ([Inner<V>] extends [never] ? {} : ObjectOperators)

type Operators<V> = unknown extends V
  ? Comparisons<unknown, unknown> & StringOperators & NumberOperators & ArrayOperators<unknown> & ObjectOperators
  : OperatorsOf<V>

/** Conditions on the members of an object. */
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

/** All fields must sort in the same direction. */
export type Sort<P extends string> = ReadonlyArray<Directed<P, "desc">> | ReadonlyArray<P | Directed<P, "asc">>

type Simplify<T> = { readonly [K in keyof T]: T[K] } & {}

type Rest<P, K extends string> = P extends `${K}.${infer R}` ? R : never

type IsWhole<K, P> = K extends string ? Escaped<K> extends P ? K : never : never

/** A member reduced to the paths that are requested inside it. */
type Part<T, K, P> = K extends keyof T & string ? Narrow<Inner<T[K]>, Rest<P, Escaped<K>>> : never

type IsPart<T, K, P> = K extends keyof T & string
  ? Escaped<K> extends P ? never : [Rest<P, Escaped<K>>] extends [never] ? never : K
  : never

/** A partly requested member is left out if none of the requested paths exist in it. */
type IsCertain<T, K, P> = K extends keyof T & string
  ? [Exclude<T[K], Inner<T[K]>>] extends [never] ? {} extends Part<T, K, P> ? never : IsPart<T, K, P> : never
  : never

export type Narrow<T, P> = T extends unknown ? Simplify<
    & { [K in keyof T as IsWhole<K, P>]: T[K] }
    & { [K in keyof T as IsCertain<T, K, P>]: Part<T, K, P> }
    & { [K in keyof T as Exclude<IsPart<T, K, P>, IsCertain<T, K, P>>]?: Part<T, K, P> }
  >
  : never
