import { Merge, SiblingPolicy } from "effect-couchdb"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

const Item = Schema.Struct({ id: Schema.String, n: Merge.Counter, label: Schema.String })
type Item = typeof Item.Type

/** Two texts and a list. Each word, line and key is inserted by one edit only. */
export const Note = Schema.Struct({
  text: Merge.Text,
  lines: Schema.String.pipe(Merge.annotate(Merge.text("line"))),
  list: Schema.Array(Item).pipe(Merge.annotate(Merge.list<Item>(({ id }) => id)))
})
export type Note = typeof Note.Type

const first = (letter: string, length: number): ReadonlyArray<string> =>
  Array.from({ length }, (_, i) => `${letter}0.${i}`)

export const initialNote: Note = {
  text: first("w", 24).join(" "),
  lines: first("l", 12).map((line) => `${line}\n`).join(""),
  list: first("k", 4).map((id) => ({ id, n: 0, label: "" }))
}

/** The effect of an edit, which the note itself does not show. Words, lines and keys differ in their first letter. */
export interface Effects {
  readonly added: ReadonlyArray<string>
  readonly removed: ReadonlyArray<string>
  readonly counted: ReadonlyArray<readonly [key: string, n: number]>
  readonly labelled: ReadonlyArray<readonly [key: string, label: string]>
}

export const noEffects: Effects = { added: [], removed: [], counted: [], labelled: [] }

export const wordsOf = ({ text }: Note): ReadonlyArray<string> => text.match(/\S+/g) ?? []
export const linesOf = ({ lines }: Note): ReadonlyArray<string> => lines.match(/[^\n]+/g) ?? []

export const initialEffects: Effects = {
  ...noEffects,
  added: [...wordsOf(initialNote), ...linesOf(initialNote), ...initialNote.list.map(({ id }) => id)]
}

type Dice = (below: number) => number

const inserted = <A>(all: ReadonlyArray<A>, at: number, one: A): ReadonlyArray<A> => [
  ...all.slice(0, at),
  one,
  ...all.slice(at)
]
const without = <A>(all: ReadonlyArray<A>, at: number): ReadonlyArray<A> => all.filter((_, i) => i !== at)

const textOf = (words: ReadonlyArray<string>): string => words.join(" ")
const linesFrom = (lines: ReadonlyArray<string>): string => lines.map((line) => `${line}\n`).join("")

/** A random change of a note. `name` is the name of the edit. */
export const edited = (note: Note, name: string, dice: Dice): readonly [Note, Effects] => {
  const words = wordsOf(note)
  const lines = linesOf(note)
  const { list } = note
  const word = dice(words.length + 1)
  const line = dice(lines.length + 1)
  const place = dice(list.length + 1)
  const item = list[place]
  const to = dice(1_000)
  switch (dice(12)) {
    case 0:
    case 1:
    case 2:
      return [{ ...note, text: textOf(inserted(words, word, `w${name}`)) }, { ...noEffects, added: [`w${name}`] }]
    case 3:
      return [{ ...note, text: textOf(without(words, word)) }, { ...noEffects, removed: words.slice(word, word + 1) }]
    case 4: {
      const moved = words[word]
      const rest = without(words, word)
      return [
        moved === undefined ? note : { ...note, text: textOf(inserted(rest, to % (rest.length + 1), moved)) },
        noEffects
      ]
    }
    case 5:
      return [{ ...note, lines: linesFrom(inserted(lines, line, `l${name}`)) }, { ...noEffects, added: [`l${name}`] }]
    case 6:
      return [{ ...note, lines: linesFrom(without(lines, line)) }, {
        ...noEffects,
        removed: lines.slice(line, line + 1)
      }]
    case 7:
    case 8: {
      const added = { id: `k${name}`, n: 0, label: "" }
      return [{ ...note, list: inserted(list, place, added) }, { ...noEffects, added: [added.id] }]
    }
    case 9:
      return [{ ...note, list: without(list, place) }, { ...noEffects, removed: item === undefined ? [] : [item.id] }]
    case 10: {
      if (item === undefined) return [note, noEffects]
      const n = 1 + to % 9
      const labels = to % 3 === 0
      const changed = { ...item, n: item.n + n, ...(labels && { label: name }) }
      return [
        { ...note, list: list.map((each) => each === item ? changed : each) },
        { ...noEffects, counted: [[item.id, n]], labelled: labels ? [[item.id, name]] : [] }
      ]
    }
    default: {
      if (item === undefined) return [{ ...note, list: [...list].reverse() }, noEffects]
      const rest = without(list, place)
      return [{ ...note, list: inserted(rest, to % (rest.length + 1), item) }, noEffects]
    }
  }
}

/** The decided field, or the decided element of the list. */
export type DecidedPart = string

const placeOf = ([field, key]: ReadonlyArray<PropertyKey>): DecidedPart =>
  field === "list" && key !== undefined ? `list ${String(JSON.parse(String(key)))}` : String(field)

/** Merges, and decides the remaining overlaps. */
export const decidingPolicy = (
  prefers: "greater" | "lesser",
  decided: (place: DecidedPart) => void
): SiblingPolicy.SiblingPolicy<Note> => {
  const order = prefers === "greater" ? 1 : -1
  const better = <A>(mine: A, theirs: A): A => (mine < theirs ? -1 : 1) * order > 0 ? mine : theirs
  const settled = (grain: "word" | "line") => {
    const merge = Merge.fromStrategy(Merge.text(grain))
    return Merge.custom<string>((versions) =>
      Either.orElse(merge(versions), () => Either.right(better(versions.mine, versions.theirs)))
    )
  }
  return SiblingPolicy.merge(Merge.make(Note)).pipe(
    SiblingPolicy.onOverlap(({ clashes }) =>
      Effect.sync(() => {
        for (const { path } of clashes) decided(placeOf(path))
        return Option.none<Note>()
      })
    ),
    SiblingPolicy.orElse(
      SiblingPolicy.merge(Merge.make(Note, {
        text: settled("word"),
        lines: settled("line"),
        list: Merge.custom<ReadonlyArray<Item>>(({ base, mine, theirs }) =>
          Either.right(settledList(Option.getOrElse(base, () => []), mine, theirs, better))
        )
      }))
    )
  )
}

const settledList = (
  base: ReadonlyArray<Item>,
  mine: ReadonlyArray<Item>,
  theirs: ReadonlyArray<Item>,
  better: <A>(mine: A, theirs: A) => A
): ReadonlyArray<Item> => {
  const of = (list: ReadonlyArray<Item>, id: string) => list.find((item) => item.id === id)
  const ids = Array.from(new Set([...mine, ...theirs].map(({ id }) => id))).sort()
  return ids.flatMap((id): ReadonlyArray<Item> => {
    const [b, m, t] = [of(base, id), of(mine, id), of(theirs, id)]
    if (m !== undefined && t !== undefined) {
      const label = m.label === b?.label ? t.label : t.label === b?.label ? m.label : better(m.label, t.label)
      return [{ id, n: m.n + t.n - (b?.n ?? 0), label }]
    }
    const kept = m ?? t
    return kept === undefined || (b !== undefined && b.n === kept.n && b.label === kept.label) ? [] : [kept]
  })
}
