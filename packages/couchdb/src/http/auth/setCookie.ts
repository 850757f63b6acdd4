/** The cookie of a session in an answer. `lasts` is in milliseconds; `undefined` where the answer does not tell. */
export interface SetCookie {
  readonly value: string
  readonly lasts: number | undefined
}

// Several cookies may be joined by commas, and a date has one too. So a cookie begins where a comma has a name and an
// equals sign behind it.
const pattern = /(?:^|,)\s*AuthSession=("?)([^;,\s"]*)\1\s*((?:;(?:[^,]|,(?!\s*[^\s;,=]+=))*)?)/

const attribute = (attributes: string, name: string): string | undefined =>
  new RegExp(`;\\s*${name}\\s*=\\s*"?([^;"]*)`, "i").exec(attributes)?.[1]?.trim()

// Cookies write dates with dashes, which not every parser takes.
const time = (date: string | undefined): number | undefined => {
  const parsed = date === undefined ? NaN : Date.parse(date.replace(/(\d\d?)-(\w{3})-(\d{2,4})/, "$1 $2 $3"))
  return Number.isNaN(parsed) ? undefined : parsed
}

const lasting = (attributes: string, headers: Readonly<Record<string, string>>, now: number): number | undefined => {
  const maxAge = attribute(attributes, "Max-Age")
  if (maxAge !== undefined && /^-?\d+$/.test(maxAge)) return Number(maxAge) * 1000
  const expires = time(attribute(attributes, "Expires"))
  // The server's own clock says how long it is until then.
  return expires === undefined ? undefined : expires - (time(headers["date"]) ?? now)
}

/** The `AuthSession` that an answer sets, if any; its value is empty where the session ends. */
export const setCookie = (headers: Readonly<Record<string, string>>, now: number): SetCookie | undefined => {
  const match = pattern.exec(headers["set-cookie"] ?? "")
  if (match === null) return undefined
  const lasts = lasting(match[3] ?? "", headers, now)
  // One that is over when it begins would mean a login before every request: a 401 tells better.
  return { value: match[2] ?? "", lasts: lasts !== undefined && lasts > 0 ? lasts : undefined }
}
