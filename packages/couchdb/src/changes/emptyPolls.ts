/** An empty response within this many milliseconds is followed by a wait. */
const minPollMillis = 1_000

/** The wait in milliseconds, initially and at most. It doubles after each empty poll. */
const minWait = 100
const maxWait = 10_000

/**
 * Counts long polls that return immediately without changes, for example from a cache or a server without long polling.
 * The next poll waits, which prevents a busy loop.
 */
export class EmptyPolls {
  private count = 0

  /** Records a poll that took `took` milliseconds. */
  record(isEmpty: boolean, took: number): void {
    this.count = isEmpty && took < minPollMillis ? this.count + 1 : 0
  }

  /** How many milliseconds the next poll waits. */
  get wait(): number {
    return this.count === 0 ? 0 : Math.min(minWait * 2 ** (this.count - 1), maxWait)
  }
}
