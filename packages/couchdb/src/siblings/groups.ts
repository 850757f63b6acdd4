import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { PolicyFailure } from "./pairMerge.js"
import type { Reason } from "./unresolved.js"

/** Heads that merge with each other, the state of their merge, and why they do not merge with an earlier group. */
export interface Group<H, S> {
  readonly heads: readonly [H, ...ReadonlyArray<H>]
  readonly state: S
  readonly why: Reason | undefined
}

export interface Groups<H, S> {
  readonly groups: ReadonlyArray<Group<H, S>>
  /** Heads that cannot be merged at all, and why. */
  readonly unusable: ReadonlyArray<{ readonly head: H; readonly why: Reason }>
}

/** The most groups that a head is tried with. It limits the comparisons between versions that do not merge. */
const maxOpenGroups = 8

/**
 * Groups heads in order. Each head joins the first group that it merges with, so a head that does not merge does not
 * prevent the others from merging. Usually the result is one group.
 */
export const groupMergeable = <H, S, E, R, R2>(
  heads: ReadonlyArray<H>,
  begin: (head: H) => Effect.Effect<S, Reason, R>,
  join: (state: S, head: H) => Effect.Effect<S, Reason | PolicyFailure<E>, R2>
): Effect.Effect<Groups<H, S>, PolicyFailure<E>, R | R2> =>
  Effect.gen(function*() {
    interface Growing {
      readonly heads: [H, ...Array<H>]
      readonly why: Reason | undefined
      state: S
    }
    const groups: Array<Growing> = []
    let open: Array<Growing> = []
    const unusable: Array<{ readonly head: H; readonly why: Reason }> = []
    for (const head of heads) {
      let why: Reason | undefined
      let joined = false
      for (const group of open) {
        const state = yield* catchReason(join(group.state, head))
        if (Either.isRight(state)) {
          group.heads.push(head)
          group.state = state.right
          joined = true
          break
        }
        why ??= state.left
      }
      if (joined) continue
      const state = yield* Effect.either(begin(head))
      if (Either.isLeft(state)) {
        unusable.push({ head, why: state.left })
        continue
      }
      if (open.length === maxOpenGroups) {
        const least = Math.min(...open.map(({ heads }) => heads.length))
        const closed = open.find(({ heads }) => heads.length === least)
        open = open.filter((group) => group !== closed)
      }
      const group: Growing = { heads: [head], state: state.right, why }
      groups.push(group)
      open.push(group)
    }
    return { groups, unusable }
  })

const catchReason = <A, E, R>(
  effect: Effect.Effect<A, Reason | PolicyFailure<E>, R>
): Effect.Effect<Either.Either<A, Reason>, PolicyFailure<E>, R> =>
  Effect.flatMap(
    Effect.either(effect),
    (either): Effect.Effect<Either.Either<A, Reason>, PolicyFailure<E>> =>
      Either.isRight(either)
        ? Effect.succeed(Either.right(either.right))
        : isPolicyFailure(either.left)
        ? Effect.fail(either.left)
        : Effect.succeed(Either.left(either.left))
  )

const isPolicyFailure = <E>(error: Reason | PolicyFailure<E>): error is PolicyFailure<E> =>
  error._tag === "PolicyFailure"
