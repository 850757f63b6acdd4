import { hasLoneSurrogate } from "../Json.js"

/**
 * Why a text cannot be one segment of a path. URL parsers fold `.` and `..`, and even their escaped forms, so no escaping
 * would save them.
 */
export const segmentProblem = (text: string): string | undefined =>
  text === ""
    ? "is empty"
    : text === "." || text === ".."
    ? "would be folded away by URL parsers"
    : hasLoneSurrogate(text)
    ? "holds half of a surrogate pair, which UTF-8 cannot say"
    : undefined
