/** A text that may repeat a URL, without the credentials in it. */
export const withoutCredentials = (text: string): string => text.replace(/(https?:\/\/)[^/@\s]*@/g, "$1")
