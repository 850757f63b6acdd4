/**
 * Tracks whether a call waits for a connection of the transport, over all attempts to send its request.
 *
 * An attempt counts as sent from its start, unless the transport reports that it waits: most transports have no queue.
 */
export class ConnectionWait {
  private waiting = false
  private sent = false
  /** When the latest attempt had its connection, in milliseconds. */
  connectedAt = 0

  constructor(private readonly now: () => number) {}

  /** What the transport calls for one attempt. */
  attempt(): (waiting: boolean) => void {
    const { sent } = this
    this.sent = true
    return (waiting) => {
      this.waiting = waiting
      this.sent = sent || !waiting
      if (!waiting) this.connectedAt = this.now()
    }
  }

  /** Whether the call waits for a connection, and nothing of it was sent. */
  get isWaiting(): boolean {
    return this.waiting && !this.sent
  }
}
