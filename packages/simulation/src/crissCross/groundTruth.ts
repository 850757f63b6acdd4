import { type DecidedPart, type Effects, linesOf, type Note, wordsOf } from "./note.js"

/** The edits that a revision really contains, and the fields or elements that a policy or a user decided. */
export interface Contained {
  readonly edits: ReadonlySet<string>
  readonly decided: ReadonlySet<DecidedPart>
}

export const union = (all: ReadonlyArray<Contained>): Contained => ({
  edits: new Set(all.flatMap(({ edits }) => Array.from(edits))),
  decided: new Set(all.flatMap(({ decided }) => Array.from(decided)))
})

/** The errors in a note with these edits. Decided fields and elements are not checked. */
export const errorsIn = (
  note: Note,
  { decided, edits }: Contained,
  effectsOf: (edit: string) => Effects
): ReadonlyArray<string> => {
  const effects = Array.from(edits, effectsOf)
  const removed = new Set(effects.flatMap(({ removed }) => removed))
  const left = (letter: string): ReadonlySet<string> =>
    new Set(effects.flatMap(({ added }) => added.filter((each) => each.startsWith(letter) && !removed.has(each))))
  const compare = (what: string, found: ReadonlyArray<string>, expected: ReadonlySet<string>) => [
    ...found.filter((each, i) => found.indexOf(each) !== i).map((each) => `${what} ${each} is doubled`),
    ...found.filter((each) => !expected.has(each)).map((each) => `${what} ${each} was removed`),
    ...Array.from(expected).filter((each) => !found.includes(each)).map((each) => `${what} ${each} is lost`)
  ]
  const isDecided = (key: string): boolean => decided.has(`list ${key}`)
  const keys = note.list.map(({ id }) => id)
  return [
    ...(decided.has("text") ? [] : compare("word", wordsOf(note), left("w"))),
    ...(decided.has("lines") ? [] : compare("line", linesOf(note), left("l"))),
    ...compare(
      "key",
      keys.filter((key) => !isDecided(key)),
      new Set(Array.from(left("k")).filter((key) => !isDecided(key)))
    ),
    ...note.list.flatMap(({ id, label, n }) => {
      if (isDecided(id)) return []
      const labels = effects.flatMap(({ labelled }) => labelled).filter(([key]) => key === id)
      const count = effects.flatMap(({ counted }) => counted).reduce((sum, [key, n]) => key === id ? sum + n : sum, 0)
      return [
        ...(n === count ? [] : [`${id} counts ${n}, not ${count}`]),
        ...(labels.length === 1 && label !== labels[0]?.[1]
          ? [`${id} is labelled ${label}, not ${labels[0]?.[1]}`]
          : [])
      ]
    })
  ]
}
