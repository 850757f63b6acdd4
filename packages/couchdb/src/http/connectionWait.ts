/**
 * Tracks whether a call waits for a connection of the transport, over all attempts to send its request.
 *
 * An attempt counts as sent from its start, unless the transport reports that it waits: most transports do not report it.
 * An attempt that failed while it waited was never sent, and counts as waiting until the next attempt.
 */
export class ConnectionWait {
  private waiting: "pool" | "connection" | undefined
  private sent: boolean
  /** The time at which the latest attempt had its connection, in milliseconds. */
  connectedAt = 0

  /** `before` is the state of the previous attempt: it was `sent`, or its `connection` was not made. */
  constructor(private readonly now: () => number, before?: "sent" | "connection") {
    this.sent = before === "sent"
    this.waiting = before === "connection" ? before : undefined
  }

  /** Returns the function that the transport calls for one attempt. */
  attempt(): (waiting: boolean, waitsFor?: "pool" | "connection") => void {
    const { sent } = this
    this.sent = true
    return (waiting, waitsFor = "pool") => {
      this.waiting = waiting ? waitsFor : undefined
      this.sent = sent || !waiting
      if (!waiting) this.connectedAt = this.now()
    }
  }

  /** The resource that the call waits for, if nothing was sent. */
  get waitsFor(): "pool" | "connection" | undefined {
    return this.sent ? undefined : this.waiting
  }
}
