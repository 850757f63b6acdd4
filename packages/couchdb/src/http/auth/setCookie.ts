/** The session cookie of a response. `lifetime` is in milliseconds; `undefined` if the response does not state it. */
export interface SetCookie {
  readonly value: string
  readonly lifetime: number | undefined
}

// Several cookies may be joined by commas, and a date contains a comma too. A cookie therefore begins after a comma
// that is followed by a name and an equals sign.
const pattern = /(?:^|,)\s*AuthSession=("?)([^;,\s"]*)\1\s*((?:;(?:[^,]|,(?!\s*[^\s;,=]+=))*)?)/

const attribute = (attributes: string, name: string): string | undefined =>
  new RegExp(`;\\s*${name}\\s*=\\s*"?([^;"]*)`, "i").exec(attributes)?.[1]?.trim()

// Cookies may write dates with dashes, which not every parser accepts.
const time = (date: string | undefined): number | undefined => {
  const parsed = date === undefined ? NaN : Date.parse(date.replace(/(\d\d?)-(\w{3})-(\d{2,4})/, "$1 $2 $3"))
  return Number.isNaN(parsed) ? undefined : parsed
}

const lifetimeOf = (attributes: string, headers: Readonly<Record<string, string>>, now: number): number | undefined => {
  const maxAge = attribute(attributes, "Max-Age")
  if (maxAge !== undefined && /^-?\d+$/.test(maxAge)) return Number(maxAge) * 1000
  const expires = time(attribute(attributes, "Expires"))
  // The duration until then is measured by the server's clock.
  return expires === undefined ? undefined : expires - (time(headers["date"]) ?? now)
}

/** The `AuthSession` that a response sets, if any. Its value is empty if the session ends. */
export const setCookie = (headers: Readonly<Record<string, string>>, now: number): SetCookie | undefined => {
  const match = pattern.exec(headers["set-cookie"] ?? "")
  if (match === null) return undefined
  const lifetime = lifetimeOf(match[3] ?? "", headers, now)
  // A cookie that has already expired would cause a login before every request, so the client waits for a 401 instead.
  return { value: match[2] ?? "", lifetime: lifetime !== undefined && lifetime > 0 ? lifetime : undefined }
}
