const compiled = new Map<string, RegExp | undefined>()

/**
 * Compiles a regular expression of CouchDB's dialect, PCRE, as far as JavaScript supports it. It may start with flags
 * such as `(?i)`.
 */
export const compileRegex = (source: string): RegExp | undefined => {
  if (compiled.has(source)) return compiled.get(source)
  const flags = /^\(\?([ims]+)\)/.exec(source)
  let regex: RegExp | undefined
  try {
    regex = new RegExp(flags === null ? source : source.slice(flags[0].length), flags?.[1] ?? "")
  } catch {
    regex = undefined
  }
  if (compiled.size > 1_000) compiled.clear()
  compiled.set(source, regex)
  return regex
}
