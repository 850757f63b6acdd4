import type { DesignFunctions, Interpreter } from "./DesignFunctions.js"

/** Where the functions of design documents come from, besides their texts. */
export interface Functions {
  readonly given: DesignFunctions
  readonly interpreter: Interpreter | undefined
}
