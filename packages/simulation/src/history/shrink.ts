import * as Effect from "effect/Effect"
import type { Experiment, Step } from "../world/steps.js"
import { history, type Outcome } from "./history.js"

/** Whether an outcome violates an invariant. */
export const isWrong = ({ diverged, doubled, lost, silent, twoContents, wrong }: Outcome): boolean =>
  diverged.length + doubled.length + lost.length + silent.length + wrong.length + twoContents > 0

/** Removes steps from a failing history for as long as it fails. */
export const shrink = (
  seed: number,
  replicas: number,
  steps: ReadonlyArray<Step>,
  trouble: Experiment,
  fails: (outcome: Outcome) => boolean = isWrong
): Effect.Effect<ReadonlyArray<Step>> =>
  Effect.gen(function*() {
    let left = steps
    for (let size = left.length >> 1; size >= 1; size >>= 1) {
      for (let at = 0; at < left.length;) {
        const shorter = [...left.slice(0, at), ...left.slice(at + size)]
        if (shorter.length < left.length && fails(yield* history(seed, replicas, shorter, trouble))) left = shorter
        else at += size
      }
    }
    return left
  })
