/** The edits that a revision really contains. A re-created document gives up the edits that it saw deleted. */
export interface Contained {
  readonly edits: ReadonlySet<string>
  readonly given: ReadonlySet<string>
}

export const emptyContent: Contained = { edits: new Set(), given: new Set() }

export const visible = ({ edits, given }: Contained): ReadonlyArray<string> =>
  Array.from(edits).filter((edit) => !given.has(edit))

export const union = (all: ReadonlyArray<Contained>): Contained => ({
  edits: new Set(all.flatMap(({ edits }) => Array.from(edits))),
  given: new Set(all.flatMap(({ given }) => Array.from(given)))
})

/** The real history, which the library does not see. */
export interface Truth {
  readonly of: (rev: string) => Contained
  readonly has: (rev: string) => boolean
  readonly wrote: (rev: string, contained: Contained) => void
  readonly weigh: (edit: string, weight: number) => void
  readonly total: (edits: Iterable<string>) => number
  readonly deletion: (edits: Contained) => void
  /** Edits that no deletion has seen. */
  readonly undeleted: () => ReadonlyArray<string>
  readonly all: () => ReadonlyArray<string>
}

export const makeTruth = (): Truth => {
  const revisions = new Map<string, Contained>()
  const weights = new Map<string, number>()
  const deleted = new Set<string>()
  return {
    of: (rev) => revisions.get(rev) ?? emptyContent,
    has: (rev) => revisions.has(rev),
    wrote: (rev, contained) => {
      revisions.set(rev, contained)
    },
    weigh: (edit, weight) => {
      weights.set(edit, weight)
    },
    total: (edits) => Array.from(edits).reduce((sum, edit) => sum + (weights.get(edit) ?? 0), 0),
    deletion: ({ edits }) => {
      for (const edit of edits) deleted.add(edit)
    },
    undeleted: () => Array.from(weights.keys()).filter((edit) => !deleted.has(edit)),
    all: () => Array.from(weights.keys())
  }
}
