/**
 * The metadata of an attachment in its document.
 *
 * - `length`: the size of the file in bytes; `encodedLength` the stored size, if the server compressed it (`encoding`)
 * - `digest`: `md5-` and the MD5 of the stored bytes in base64
 * - `revpos`: the generation in which it was added
 *
 * @since 0.1.0
 * @category model
 */
export interface Stub {
  readonly contentType: string
  readonly length: number
  readonly digest: string
  readonly revpos: number
  readonly encoding?: string
  readonly encodedLength?: number
}
