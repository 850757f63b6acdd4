const codes = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EADDRNOTAVAIL",
  "ETIMEDOUT",
  "UND_ERR_CONNECT_TIMEOUT",
  "ERR_TLS_CERT_ALTNAME_INVALID",
  "CERT_HAS_EXPIRED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE"
])

const codeOf = (cause: unknown): string | undefined =>
  typeof cause === "object" && cause !== null && "code" in cause && typeof cause.code === "string"
    ? cause.code
    : undefined

/** Whether the failure came before anything was sent. */
export const neverConnected = (cause: unknown): boolean =>
  cause instanceof AggregateError ? cause.errors.every(neverConnected) : codes.has(codeOf(cause) ?? "")

/** The words of a failure without any of these values, whole or in part: some clients repeat a header that they refuse. */
export const withoutValues = (description: string, values: ReadonlyArray<string>): string => {
  const parts = values.flatMap((value) => value.split(/\s+/)).filter((part) => part.length >= 8)
  // What is shorter is no secret, and may be part of any word. The longest go first, so that no rest of them is left.
  const all = [...values.filter((value) => value.length >= 4), ...parts].sort((a, b) => b.length - a.length)
  return all.reduce((text, value) => text.replaceAll(value, "…"), description)
}

/** Name and message of a failure alone: its other members may repeat what was sent or received. */
export const describeCause = (cause: unknown): string => {
  if (cause instanceof AggregateError && cause.errors.length > 0) return cause.errors.map(describeCause).join(", ")
  if (!(cause instanceof Error)) return typeof cause === "string" ? cause : "unknown cause"
  return cause.message === "" ? codeOf(cause) ?? cause.name : cause.message
}
