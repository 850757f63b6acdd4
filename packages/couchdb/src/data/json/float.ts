/** The smallest double that has all its digits. */
const smallestNormal = 2 ** -1022

const exponential = /^(-?\d+)[eE]([+-]?\d+)$/

/** The powers of ten that the C library of CouchDB's images rounds in the other direction. */
const roundedUp: ReadonlyMap<number, number> = new Map([
  [23, 1.0000000000000001e23],
  [210, 1.0000000000000001e210]
])

const powerOfTen = (exponent: number): number => roundedUp.get(exponent) ?? Number(`1e${exponent}`)

/** As Erlang makes a float of an integer: digit by digit to the base of 2^64, rounded each time. */
const toFloat = (integer: bigint): number => {
  if (integer < 0n) return -toFloat(-integer)
  const digits: Array<number> = []
  for (let rest = integer; rest > 0n; rest >>= 64n) digits.push(Number(rest & 0xffffffffffffffffn))
  return digits.reduceRight((sum, digit) => sum * 2 ** 64 + digit, 0)
}

/** Whether the C library calls the value too small: it lies below the normal doubles, also before it is rounded to 53 bits. */
const underflows = (value: number, integer: bigint, exponent: number): boolean => {
  const size = Math.abs(value)
  if (size < smallestNormal) return integer !== 0n
  if (size > smallestNormal) return false
  const magnitude = integer < 0n ? -integer : integer
  return magnitude << 1076n < ((1n << 54n) - 1n) * 10n ** BigInt(-exponent)
}

/**
 * The double that CouchDB makes of the text of a number with a fraction or an exponent; not finite if it refuses the text.
 *
 * It is the nearest one, except for an integer with an exponent whose text is long or whose value is very small: CouchDB's
 * JSON reader multiplies the integer with a power of ten then.
 */
export const floatOf = (text: string): number => {
  const nearest = Number(text)
  const [, digits, power] = exponential.exec(text) ?? []
  if (digits === undefined || power === undefined) return nearest
  const integer = BigInt(digits)
  const exponent = Number(power)
  return text.length < 32 && !underflows(nearest, integer, exponent)
    ? nearest
    : toFloat(integer) * powerOfTen(exponent)
}
