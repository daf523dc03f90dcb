import { amqpBroker } from '../broker/amqp/amqp-broker.ts'
import { Broadcast } from '../client/broadcast.ts'
import { TwqError } from '../errors.ts'
import { systemClock } from '../runtime/clock.ts'
import { EXIT } from './exit-codes.ts'
import type { GlobalOptions } from './global-options.ts'
import {
  activeTable,
  countTasks,
  detailsByNode,
  failedNodes,
  pingTable,
  type Replies,
  repliesAsJson,
} from './inspect-report.ts'
import { loadConfig } from './load-config.ts'
import { note, print, terminalStyle, wantsJson } from './output.ts'
import { milliseconds } from './send-request.ts'

/** The flags of `twq inspect …`. */
export interface InspectFlags extends GlobalOptions {
  readonly destination?: string
}

/** What `twq inspect` can ask: our command's name and Celery's method. */
export const INSPECT_METHODS = {
  active: 'active',
  reserved: 'reserved',
  scheduled: 'scheduled',
  registered: 'registered',
  revoked: 'revoked',
  stats: 'stats',
  'active-queues': 'active_queues',
  conf: 'conf',
  report: 'report',
  clock: 'clock',
  ping: 'ping',
} as const

/** A command below `twq inspect`. */
export type InspectCommand = keyof typeof INSPECT_METHODS

const TIMEOUT = 3_000
// Workers answer within milliseconds of each other; after this much silence all have, unless more time was asked for.
const QUIET = 150

/**
 * `twq inspect …`: asks the workers of the broker, in whatever language, and prints what they answer. 69
 * when there is none, or when one that was named is silent.
 */
export async function inspect(command: InspectCommand, flags: InspectFlags): Promise<number> {
  const timeout = flags.timeout === undefined ? TIMEOUT : milliseconds('--timeout', flags.timeout)
  const destination = flags.destination?.split(',').map((node) => node.trim())
  const { config } = await loadConfig(`inspect ${command}`, flags)
  const broker = amqpBroker({ url: config.broker, heartbeat: config.heartbeat, name: 'twq inspect' })
  await using broadcast = await Broadcast.open(broker, systemClock)
  const asked = destination !== undefined ? { destination } : flags.timeout === undefined ? { quiet: QUIET } : {}
  const replies = await broadcast.ask(INSPECT_METHODS[command], {}, { timeout, ...asked })
  if (replies.size === 0) throw nobodyAnswered(timeout, destination)

  if (wantsJson(flags)) print(repliesAsJson(replies))
  else show(command, replies, flags)
  const errors = failedNodes(replies)
  for (const [node, error] of errors) note(`${node} answered with an error: ${error}`, flags)
  const silent = destination?.filter((node) => !replies.has(node)) ?? []
  for (const node of silent) note(`${node} did not answer within ${timeout} ms`, flags)
  return silent.length > 0 ? EXIT.unavailable : errors.length > 0 ? EXIT.failed : EXIT.ok
}

function show(command: InspectCommand, replies: Replies, flags: GlobalOptions): void {
  const listsTasks = command === 'active' || command === 'reserved'
  if (command === 'ping') print(pingTable(replies, terminalStyle()))
  else if (!listsTasks) print(detailsByNode(replies))
  else if (countTasks(replies) > 0) print(activeTable(replies, Date.now(), terminalStyle()))
  else note(`nothing ${command === 'active' ? 'runs' : 'waits'} on ${[...replies.keys()].sort().join(', ')}`, flags)
}

function nobodyAnswered(timeout: number, destination: readonly string[] | undefined): TwqError {
  const who = destination === undefined ? 'no worker' : `none of ${destination.join(', ')}`
  return new TwqError('TWQ_NO_WORKER', `${who} answered within ${timeout} ms`, {
    hint: 'Ask again with more time: --timeout 10s',
  })
}
