import { amqpBroker } from '../../broker/amqp/amqp-broker.ts'
import { giveUpWhenBlocked } from '../../broker/give-up-when-blocked.ts'
import type { Config } from '../../config/config.ts'
import { TwqError } from '../../errors.ts'
import { decodeTask } from '../../protocol/task/decode-task.ts'
import type { TaskMessage } from '../../protocol/task-message.ts'
import type { WireMessage } from '../../protocol/wire.ts'
import type { QuarantinedMessage } from '../../queues/quarantine.ts'
import { originalOf, searchSetAside, setAsideQueues } from '../../queues/set-aside.ts'
import { knownResultBackends } from '../../results/kinds/all.ts'
import { loadConfig } from '../flags/load-config.ts'
import { note } from '../terminal/output.ts'
import type { LocalFlags } from './run.ts'
import { localRouter, localTasks, runHere, taskNamed } from './run-here.ts'

// As much as a message can have.
const LIMITS = { maxBodySize: 128 * 1024 * 1024 }

/**
 * `twq task replay`: runs the message of a task that failed, or was set aside, in this process. The message stays where it is, and nothing
 * is published unless `--send` is given. 1 where there is no such message, else the status of the outcome.
 */
export async function taskReplay(id: string, flags: LocalFlags): Promise<number> {
  const { config } = await loadConfig('task replay', flags, knownResultBackends)
  const queues = flags.queue === undefined ? config.queues.map(({ name }) => name) : [flags.queue]
  const found = await find(config, queues, id)
  if (found === undefined) {
    throw new TwqError('TWQ_MESSAGE_MISSING', `no message of ${id} is kept beside ${queues.join(', ')}`, {
      hint: 'Name the task queue that it came from: --queue. twq failed list and twq quarantine list show what is kept.',
    })
  }
  const { story, where, original } = found
  note(`from ${where}, where it was put at ${story.time || '?'}: ${story.reason}, ${story.detail}`, flags)
  const message = messageIn(original, id)
  const registry = await localTasks(config, flags)
  const task = taskNamed(message.task, registry)
  const [first = ''] = queues
  const { inspectBrk, send = false } = flags
  const how = { registry, router: localRouter(config), inspectBrk, send, flags }
  const from = { queue: story.queue || first, redelivered: true }
  return await runHere({ config, task, message, ...from, ...how })
}

interface Found {
  readonly where: string
  readonly story: QuarantinedMessage
  readonly original: WireMessage
}

/** The message of the last failure, or of the last time that it was set aside. */
async function find(config: Config, queues: readonly string[], id: string): Promise<Found | undefined> {
  const broker = amqpBroker({ url: config.broker, heartbeat: config.heartbeat, name: 'twq task replay' })
  await using connection = await broker.connect()
  giveUpWhenBlocked(connection)
  for (const aside of queues.flatMap(setAsideQueues)) {
    const { found } = await searchSetAside(connection, aside, { id, whole: true })
    for (const story of [...found].reverse()) {
      const original = originalOf(story)
      if (original !== undefined) return { where: aside.name, story, original }
    }
  }
  return undefined
}

function messageIn(original: WireMessage, id: string): TaskMessage {
  const decoded = decodeTask(original, LIMITS)
  if (decoded.kind === 'task') return decoded.message
  throw new TwqError('TWQ_MESSAGE_MALFORMED', `the message of ${id} can't be read: ${decoded.malformed.reason}`, {
    hint: 'No worker could run it either, or it was kept without its arguments; twq quarantine show and twq failed show have all of it',
  })
}
