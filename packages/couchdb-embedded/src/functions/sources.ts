import type { DesignFunctions, Interpreter } from "./DesignFunctions.js"

/** What runs the functions of design documents. */
export interface Functions {
  readonly given: DesignFunctions
  readonly interpreter: Interpreter | undefined
}
