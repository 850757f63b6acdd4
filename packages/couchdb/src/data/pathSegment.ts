import { hasLoneSurrogate } from "./Json.js"

export const loneSurrogate = "contains half of a surrogate pair, which UTF-8 cannot encode"

export const foldedAway = "is removed from URLs by URL parsers"

/**
 * Why a text cannot be one segment of a path. URL parsers fold `.` and `..`, and even their escaped forms, so no escaping
 * would save them.
 */
export const segmentProblem = (text: string): string | undefined =>
  text === ""
    ? "is empty"
    : text === "." || text === ".."
    ? foldedAway
    : hasLoneSurrogate(text)
    ? loneSurrogate
    : undefined
