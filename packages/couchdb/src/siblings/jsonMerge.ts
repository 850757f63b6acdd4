import * as Option from "effect/Option"
import * as Json from "../data/Json.js"
import type { Clash } from "../merge/Merge.js"
import { isPartOf, type Place, placeOf } from "../merge/node.js"

/** The side that wins if two sides clash. If `undefined`, clashes are reported. */
export type Preference = "mine" | "theirs" | undefined

/** Three whole bodies that agree on everything that the schema declares, and may differ elsewhere. */
export interface Bodies {
  readonly base: Option.Option<Json.JsonObject>
  readonly mine: Json.JsonObject
  readonly theirs: Json.JsonObject
  /** The members that the schema encodes, which are merged already. */
  readonly known: Json.JsonObject
}

export interface MergedJson {
  readonly value: Json.JsonObject
  readonly clashes: ReadonlyArray<Clash>
  readonly withoutBase: ReadonlyArray<ReadonlyArray<PropertyKey>>
}

type Path = ReadonlyArray<string | number>
type Maybe = Json.Json | undefined

/**
 * Merges members that the schema does not declare, three ways. Objects merge member by member, other values as a whole.
 * Arrays merge element by element only if the schema merged them, because only then are they aligned.
 */
export const mergeJson = (
  bodies: Bodies,
  prefer: Preference,
  holes: ReadonlySet<Place> = new Set()
): MergedJson => new JsonMerge(prefer, holes).merge(bodies)

/** The three values at one path, and the value `k` that the schema encodes there. */
interface Versions<A = Maybe> {
  readonly b: Maybe
  readonly m: A
  readonly t: A
  readonly k: Maybe
}

class JsonMerge {
  private readonly clashes: Array<Clash> = []
  private readonly withoutBase: Array<Path> = []

  constructor(private readonly prefer: Preference, private readonly holes: ReadonlySet<Place>) {}

  merge({ base, known, mine, theirs }: Bodies): MergedJson {
    const versions = { b: Option.getOrUndefined(base), m: mine, t: theirs, k: known }
    const value = this.members([], versions, Option.isSome(base))
    return { value, clashes: this.clashes, withoutBase: this.withoutBase }
  }

  private members(path: Path, { b, k, m, t }: Versions<Json.JsonObject>, hasBase: boolean): Json.JsonObject {
    const keys = [...Json.keys(m), ...Json.keys(t).filter((key) => !Json.has(m, key))]
    return Json.fromEntries(keys.flatMap((key) => {
      const value = this.value([...path, key], {
        b: Json.isObject(b) ? Json.get(b, key) : undefined,
        m: Json.get(m, key),
        t: Json.get(t, key),
        k: Json.isObject(k) ? Json.get(k, key) : undefined
      }, hasBase)
      return value === undefined ? [] : [[key, value] as const]
    }))
  }

  private value(path: Path, versions: Versions, parentHasBase: boolean): Maybe {
    const { k, m, t } = versions
    if (same(m, t)) return m
    const hasBase = parentHasBase && !this.isHole(path)
    if (m === undefined || t === undefined) return this.whole(path, versions, hasBase)
    if (Json.isObject(m) && Json.isObject(t)) return this.members(path, { ...versions, m, t }, hasBase)
    if (Json.isArray(m) && Json.isArray(t) && Json.isArray(k) && m.length === t.length && m.length === k.length) {
      const b = Json.isArray(versions.b) && versions.b.length === m.length ? versions.b : undefined
      return m.map((element, i) =>
        this.value([...path, i], { b: b?.[i], m: element, t: t[i], k: k[i] }, hasBase) as Json.Json
      )
    }
    // The schema decodes both encodings to the same value.
    return k !== undefined ? m : this.whole(path, versions, hasBase)
  }

  /** Chooses one of two values that differ. */
  private whole(path: Path, versions: Versions, hasBase: boolean): Maybe {
    const { b, m, t } = versions
    if (hasBase && !this.hasHole(path)) return same(b, m) ? t : same(b, t) ? m : this.clash(path, versions)
    if (m !== undefined && t !== undefined) return this.clash(path, versions)
    this.withoutBase.push(path)
    return m ?? t
  }

  private clash(path: Path, { b, m, t }: Versions): Maybe {
    if (this.prefer !== undefined) return this.prefer === "mine" ? m : t
    this.clashes.push({
      path,
      why: "changed on both sides, and not declared by the schema",
      base: plain(b),
      mine: plain(m),
      theirs: plain(t)
    })
    return m
  }

  private isHole(path: Path): boolean {
    return this.holes.size > 0 && this.holes.has(placeOf(path))
  }

  /** Whether any hole is at the path or below it. */
  private hasHole(path: Path): boolean {
    if (this.holes.size === 0) return false
    const here = placeOf(path)
    return Array.from(this.holes).some((hole) => isPartOf(hole, here))
  }
}

const same = (self: Maybe, that: Maybe): boolean =>
  self === that || (self !== undefined && that !== undefined && Json.equals(self, that))

const plain = (json: Maybe): Option.Option<unknown> =>
  json === undefined ? Option.none() : Option.some(Json.toPlain(json))
