/**
 * @since 0.1.0
 */
export * as DesignFunctions from "./functions/DesignFunctions.js"
/**
 * @since 0.1.0
 */
export * as EmbeddedCouch from "./engine/EmbeddedCouch.js"
/**
 * @since 0.1.0
 */
export * as Faults from "./faults/Faults.js"
