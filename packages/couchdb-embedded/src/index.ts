/**
 * @since 0.1.0
 */
export * as DesignFunctions from "./DesignFunctions.js"
/**
 * @since 0.1.0
 */
export * as EmbeddedCouch from "./EmbeddedCouch.js"
/**
 * @since 0.1.0
 */
export * as Faults from "./Faults.js"
/**
 * @since 0.1.0
 */
export * as Simulation from "./Simulation.js"
