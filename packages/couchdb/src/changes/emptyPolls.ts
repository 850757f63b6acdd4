/** An empty answer that comes within this many milliseconds is followed by a wait. */
const minPollMillis = 1_000

/** The waits in milliseconds: the first, and the longest after doubling. */
const minWait = 100
const maxWait = 10_000

/**
 * Counts long polls that were answered at once although nothing happened, as by a cache or a server that knows no long poll:
 * the next one waits, so that they do not become a busy loop.
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
