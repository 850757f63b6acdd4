/**
 * Runs the JavaScript of design documents, on Node.
 *
 * It is for your own design documents, in development and tests. `node:vm` is **not a sandbox**: text that means harm
 * can leave it and do whatever this process can. Never let design documents that you do not trust come near it.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Vm from "node:vm"
import type { Interpreter } from "./DesignFunctions.js"
import { prelude } from "./prelude.js"

const program = new Vm.Script(prelude, { filename: "design-functions" })
const call = new Vm.Script("answerCommand()", { filename: "design-functions" })

// A context takes memory, and a design document that changes takes a new one.
const mostContexts = 32

const timedOut = JSON.stringify({ error: "os_process_error", reason: "OS process timed out." })

const isTimeout = (error: unknown): boolean =>
  typeof error === "object" && error !== null && "code" in error && error.code === "ERR_SCRIPT_EXECUTION_TIMEOUT"

/** The kind, the source and the input of a command, and the design document that its function belongs to. */
const takeApart = (command: string): { readonly design: string; readonly text: string } => {
  const [kind, source, design, input]: ReadonlyArray<unknown> = JSON.parse(command)
  return { design: JSON.stringify(design), text: JSON.stringify([kind, source, input]) }
}

/**
 * An interpreter of JavaScript. Each design document has globals of its own, and none of them is of this process.
 *
 * - `timeout`: how long one call may take, in real time; 5 seconds, as in CouchDB
 *
 * @example
 * import { EmbeddedCouch } from "effect-couchdb-embedded"
 * import * as JavaScript from "effect-couchdb-embedded/JavaScript"
 *
 * const couch = EmbeddedCouch.layer({ interpreter: JavaScript.make({ timeout: "1 second" }) })
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: { readonly timeout?: Duration.DurationInput | undefined } = {}): Interpreter => {
  const timeout = Math.max(1, Math.ceil(Duration.toMillis(options.timeout ?? "5 seconds")))
  const contexts = new Map<string, Vm.Context>()
  const contextOf = (design: string): Vm.Context => {
    const known = contexts.get(design)
    if (known !== undefined) return known
    const [oldest] = contexts.keys()
    if (oldest !== undefined && contexts.size >= mostContexts) contexts.delete(oldest)
    const context = Vm.createContext(Object.assign(Object.create(null), { designText: design }))
    program.runInContext(context, { timeout })
    contexts.set(design, context)
    return context
  }
  return {
    run: (command) => {
      const { design, text } = takeApart(command)
      try {
        const context = contextOf(design)
        context.commandText = text
        const answer: unknown = call.runInContext(context, { timeout })
        return typeof answer === "string" ? answer : timedOut
      } catch (error) {
        contexts.delete(design)
        return isTimeout(error)
          ? timedOut
          : JSON.stringify({ error: "os_process_error", reason: String(error) })
      }
    }
  }
}
