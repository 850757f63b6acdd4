/** The other clients. A worker loads only the client that it measures. */

export const nanoAt = async (url: string, database: string) => {
  const { default: nano } = await import("nano")
  return nano(url).use<object>(database)
}

interface Pouch {
  readonly get: (id: string) => Promise<{ readonly _rev: string } & Record<string, unknown>>
  readonly put: (doc: object) => Promise<unknown>
  readonly allDocs: (options: object) => Promise<unknown>
}

export const pouchAt = async (url: string, database: string): Promise<Pouch> => {
  const { default: PouchDB } = await import("pouchdb")
  const Remote = PouchDB as unknown as new(url: string, options: object) => Pouch
  return new Remote(`${url.replace(/\/$/, "")}/${database}`, { skip_setup: true })
}

export const cloudantAt = async (url: string) => {
  const { CloudantV1 } = await import("@ibm-cloud/cloudant")
  const { NoAuthAuthenticator } = await import("ibm-cloud-sdk-core")
  return new CloudantV1({ authenticator: new NoAuthAuthenticator(), serviceUrl: url })
}
