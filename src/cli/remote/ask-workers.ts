import { amqpBroker } from '../../broker/amqp/amqp-broker.ts'
import { TwqError } from '../../errors.ts'
import type { JsonObject } from '../../runtime/json.ts'
import { systemClock } from '../../runtime/time/clock.ts'
import { Broadcast, listening, nobodyAnswered } from '../../sending/broadcast.ts'
import type { GlobalOptions } from '../flags/global-options.ts'
import { loadConfig } from '../flags/load-config.ts'
import { milliseconds } from '../flags/values.ts'
import { EXIT } from '../terminal/exit-codes.ts'
import { note } from '../terminal/output.ts'
import { failedNodes, type Replies } from './inspect-report.ts'
import type { RemoteCommand } from './remote-commands.ts'

/** The flags of commands that ask workers. */
export interface RemoteFlags extends GlobalOptions {
  readonly destination?: string | undefined
}

/** Sends remote-control commands to workers. The flags say to which ones, and how long to wait for replies. */
export interface ControlClient extends AsyncDisposable {
  /** The nodes that were named; undefined for all. */
  readonly destination: readonly string[] | undefined
  /** Rejects with `TWQ_NO_WORKER` when no worker answers. */
  ask(method: string, args?: JsonObject, destination?: readonly string[]): Promise<Replies>
  /** Sends it and awaits no reply. Rejects with `TWQ_NO_WORKER` when no worker listens. */
  tell(method: string, args: JsonObject): Promise<void>
  /** Whether a node's mailbox is there. */
  listens(node: string): Promise<boolean>
  /** The exit status: 69 when a named worker is silent, 1 for an error among the replies. Prints a note on both. */
  exitStatus(replies: Replies): number
}

/** Connects to the broker of the configuration; close it with `await using`. */
export async function openControlClient(command: string, flags: RemoteFlags): Promise<ControlClient> {
  const given = flags.timeout === undefined ? undefined : milliseconds('--timeout', flags.timeout)
  const named = flags.destination?.split(',').map((node) => node.trim())
  const { config } = await loadConfig(command, flags)
  const broker = amqpBroker({ url: config.broker, heartbeat: config.heartbeat, name: `twq ${command}` })
  const broadcast = await Broadcast.open(broker, systemClock)
  return {
    destination: named,
    async ask(method, args = {}, destination = named) {
      const options = listening(given, destination)
      const onDropped = (count: number): void =>
        note(`${count} replies are left out: they are too many, or too large`, flags)
      const replies = await broadcast.ask(method, args, { ...options, onDropped })
      if (replies.size === 0) throw nobodyAnswered(options, 'Ask again with more time: --timeout 10s')
      return replies
    },
    tell: (method, args) => broadcast.tell(method, args, named),
    listens: (node) => broadcast.listens(node),
    exitStatus(replies) {
      const errors = failedNodes(replies)
      for (const [node, error] of errors) note(`${node} answered with an error: ${error}`, flags)
      const silent = named?.filter((node) => !replies.has(node)) ?? []
      for (const node of silent) note(`${node} did not answer within ${listening(given, named).timeout} ms`, flags)
      return silent.length > 0 ? EXIT.unavailable : errors.length > 0 ? EXIT.failed : EXIT.ok
    },
    [Symbol.asyncDispose]: () => broadcast[Symbol.asyncDispose](),
  }
}

/** The arguments of a command as Celery sends them, from what was typed; what was left out stays out. Throws `TWQ_USAGE`. */
export function readArguments({ args = [] }: RemoteCommand, typed: readonly unknown[]): JsonObject {
  const read: { [key: string]: JsonObject[string] } = {}
  for (const [index, { shown, key, kind }] of args.entries()) {
    const value = typed[index] as string | string[] | undefined
    if (value === undefined || value.length === 0) continue
    if (kind === 'whole') read[key] = wholeNumber(shown, value as string)
    else if (kind === 'seconds') read[key] = milliseconds(shown, value as string) / 1000
    else read[key] = value
  }
  return read
}

function wholeNumber(shown: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new TwqError('TWQ_USAGE', `${shown} must be a whole number, got '${text}'`)
}
