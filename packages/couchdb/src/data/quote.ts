/** A name as a person should see it: quoted, controls escaped, cut if it is very long. */
export const quote = (name: string): string => JSON.stringify(name.length > 120 ? `${name.slice(0, 120)}…` : name)
