/**
 * Runs the JavaScript of design documents on Node.
 *
 * It is for your own design documents, in development and tests. `node:vm` is **not a sandbox**: malicious code can
 * escape and do whatever this process can. Never run design documents that you do not trust.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Vm from "node:vm"
import type { Interpreter } from "./DesignFunctions.js"
import { prelude } from "./prelude.js"

const program = new Vm.Script(prelude, { filename: "design-functions" })
const call = new Vm.Script("answerCommand()", { filename: "design-functions" })

// Each context takes memory, and each change of a design document creates a context.
const maxContexts = 32

const timedOut = JSON.stringify({ error: "os_process_error", reason: "OS process timed out." })

const isTimeout = (error: unknown): boolean =>
  typeof error === "object" && error !== null && "code" in error && error.code === "ERR_SCRIPT_EXECUTION_TIMEOUT"

/** Splits a command into its design document and the rest. */
const splitCommand = (command: string): { readonly design: string; readonly text: string } => {
  const [kind, source, design, input]: ReadonlyArray<unknown> = JSON.parse(command)
  return { design: JSON.stringify(design), text: JSON.stringify([kind, source, input]) }
}

/**
 * An interpreter of JavaScript. Each design document has its own globals, separate from those of this process.
 *
 * - `timeout`: the maximum duration of one call, in real time. 5 seconds by default, as in CouchDB
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
    if (oldest !== undefined && contexts.size >= maxContexts) contexts.delete(oldest)
    const context = Vm.createContext(Object.assign(Object.create(null), { designText: design }))
    program.runInContext(context, { timeout })
    contexts.set(design, context)
    return context
  }
  return {
    run: (command) => {
      const { design, text } = splitCommand(command)
      try {
        const context = contextOf(design)
        context.commandText = text
        const output: unknown = call.runInContext(context, { timeout })
        return typeof output === "string" ? output : timedOut
      } catch (error) {
        contexts.delete(design)
        return isTimeout(error)
          ? timedOut
          : JSON.stringify({ error: "os_process_error", reason: String(error) })
      }
    }
  }
}
