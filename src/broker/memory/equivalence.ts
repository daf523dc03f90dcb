import { isDeepStrictEqual } from 'node:util'
import type { Headers, HeaderValue } from '../../protocol/wire.ts'
import type { ExchangeDeclaration } from './exchange.ts'
import { COMPARED_ARGUMENTS, type QueueDeclaration, typeName } from './queue-settings.ts'
import { preconditionFailed, queueLocked } from './refusal.ts'

/** Refuses a second declaration of an exchange with other settings, as RabbitMQ does: 406, `inequivalent arg`. */
export function checkSameExchange(current: ExchangeDeclaration, asked: ExchangeDeclaration, title: string): void {
  checkSame('type', asked.type, current.type, title)
  checkSame('durable', asked.durable, current.durable, title)
  checkSame('auto_delete', asked.autoDelete, current.autoDelete, title)
  checkSame('internal', asked.internal, current.internal, title)
  checkSameArgument('alternate-exchange', asked.arguments, current.arguments, title)
}

/** Refuses a second declaration of a queue with other settings; it compares the arguments that RabbitMQ compares. */
export function checkSameQueue(current: QueueDeclaration, asked: QueueDeclaration, title: string): void {
  checkSame('durable', asked.durable, current.durable, title)
  checkSame('auto_delete', asked.autoDelete, current.autoDelete, title)
  if (asked.exclusive !== current.exclusive) throw queueLocked(title)
  for (const name of COMPARED_ARGUMENTS) checkSameArgument(name, asked.arguments, current.arguments, title)
}

function checkSame(property: string, asked: unknown, current: unknown, title: string): void {
  if (asked === current) return
  throw preconditionFailed(
    `inequivalent arg '${property}' for ${title}: received '${asked}' but current is '${current}'`,
  )
}

function checkSameArgument(name: string, asked: Headers, current: Headers, title: string): void {
  // A queue without a type is a classic one.
  const implied = name === 'x-queue-type' ? 'classic' : undefined
  const [wanted, found] = [asked[name], current[name]]
  if (isDeepStrictEqual(wanted ?? implied, found ?? implied)) return
  const sameType = wanted !== undefined && found !== undefined && typeName(wanted) === typeName(found)
  const described = (value: HeaderValue | undefined): string => {
    if (value === undefined) return 'none'
    return sameType ? `'${String(value)}'` : `the value '${String(value)}' of type '${typeName(value)}'`
  }
  throw preconditionFailed(
    `inequivalent arg '${name}' for ${title}: received ${described(wanted)} but current is ${described(found)}`,
  )
}
