import { kindOf } from '../pool/kinds/all.ts'
import { autoscaleOf } from './concurrency.ts'
import { CONSUMER_TIMEOUT } from './consumer-timeout.ts'
import type { Read } from './options.ts'

/** A task that may run longer than RabbitMQ waits for its acknowledgement. */
export function tooLong(read: Read): string[] {
  const limit = read('timeLimit')
  if (limit === undefined || limit <= CONSUMER_TIMEOUT || read('acks') === 'early') return []
  return [
    "timeLimit is longer than 30 minutes, RabbitMQ's consumer_timeout unless it was raised: it takes back the message of a task that runs longer",
  ]
}

/** Settings that have no effect because of another one. */
export function withoutEffect(read: Read): string[] {
  const { name, onEventLoop, concurrency } = kindOf(read('pool'))
  const notices: string[] = []
  if (autoscaleOf(read) !== undefined && read('concurrency') !== undefined) {
    notices.push('concurrency has no effect: autoscale says how many tasks run at once')
  }
  const useless = onEventLoop ? (['maxTasksPerChild', 'maxMemoryPerChild'] as const) : []
  for (const key of useless) {
    if (read(key) !== undefined) notices.push(`${key} has no effect: pool '${name}' has neither threads nor processes`)
  }
  if (concurrency !== undefined) return notices
  if ((read('concurrency') ?? 1) > 1) {
    notices.push(`concurrency has no effect: pool '${name}' runs one task at a time`)
  }
  if (read('autoscale') !== undefined) {
    notices.push(`autoscale has no effect: pool '${name}' runs one task at a time`)
  }
  return notices
}
