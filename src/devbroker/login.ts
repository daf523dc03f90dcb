import { decodeTable } from './values.ts'

/** The user name and password of a client. */
export interface Credentials {
  readonly user: string
  readonly password: string
}

/** The mechanisms offered, in the form of `connection.start`. */
export const MECHANISMS = 'PLAIN AMQPLAIN'

/** Reads a SASL response; undefined when the mechanism is not offered, or the response is none of it. */
export function credentialsOf(mechanism: string, response: Uint8Array): Credentials | undefined {
  if (mechanism === 'PLAIN') {
    const [, user, password, ...rest] = Buffer.from(response).toString('utf8').split('\0')
    return user === undefined || password === undefined || rest.length > 0 ? undefined : { user, password }
  }
  if (mechanism === 'AMQPLAIN') {
    const { LOGIN: user, PASSWORD: password } = decodeTable(response)
    return typeof user === 'string' && typeof password === 'string' ? { user, password } : undefined
  }
  return undefined
}
