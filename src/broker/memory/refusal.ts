/** AMQP reply codes that a broker refuses with. */
export const REPLY = {
  contentTooLarge: 311,
  noRoute: 312,
  connectionForced: 320,
  accessRefused: 403,
  notFound: 404,
  resourceLocked: 405,
  preconditionFailed: 406,
  frameError: 501,
  syntaxError: 502,
  commandInvalid: 503,
  channelError: 504,
  unexpectedFrame: 505,
  resourceError: 506,
  notAllowed: 530,
  notImplemented: 540,
  internalError: 541,
} as const

/** Codes that end the channel only; every other one ends the connection. */
const SOFT: ReadonlySet<number> = new Set([
  REPLY.contentTooLarge,
  REPLY.accessRefused,
  REPLY.notFound,
  REPLY.resourceLocked,
  REPLY.preconditionFailed,
])

/** The broker says no: an AMQP reply code, and a text in RabbitMQ's words. */
export class Refusal extends Error {
  readonly code: number

  constructor(code: number, text: string) {
    super(text)
    this.name = 'Refusal'
    this.code = code
  }

  /** True when only the channel ends, false when the whole connection does. */
  get endsChannelOnly(): boolean {
    return SOFT.has(this.code)
  }
}

/** 404: something named does not exist. */
export const notFound = (what: string): Refusal => new Refusal(REPLY.notFound, `NOT_FOUND - ${what}`)
/** 406: it exists, but not as asked for; or an argument can't be used. */
export const preconditionFailed = (what: string): Refusal =>
  new Refusal(REPLY.preconditionFailed, `PRECONDITION_FAILED - ${what}`)
/** 403: not allowed for anyone, or taken by someone else. */
export const accessRefused = (what: string): Refusal => new Refusal(REPLY.accessRefused, `ACCESS_REFUSED - ${what}`)
/** 530: the connection does what it must not. */
export const notAllowed = (what: string): Refusal => new Refusal(REPLY.notAllowed, `NOT_ALLOWED - ${what}`)
/** 540: part of AMQP, not of this broker. */
export const notImplemented = (what: string): Refusal => new Refusal(REPLY.notImplemented, `NOT_IMPLEMENTED - ${what}`)
/** 503: the method can't be carried out as sent. */
export const commandInvalid = (what: string): Refusal => new Refusal(REPLY.commandInvalid, `COMMAND_INVALID - ${what}`)

/** 405 for a queue that is exclusive to another connection, or declared again with another `exclusive`. */
export function queueLocked(title: string): Refusal {
  return new Refusal(
    REPLY.resourceLocked,
    `RESOURCE_LOCKED - cannot obtain exclusive access to locked ${title}. It could be originally declared on another ` +
      'connection or the exclusive property value does not match that of the original declaration.',
  )
}
