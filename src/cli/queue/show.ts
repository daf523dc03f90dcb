import { TwqError } from '../../errors.ts'
import { failedQueue, quarantineQueue, suspectsQueue } from '../../protocol/companion-queues.ts'
import { queueStatus } from '../../queues/queue-access.ts'
import { EXIT } from '../terminal/exit-codes.ts'
import { fieldTable, note, print, toJson, wantsJson } from '../terminal/output.ts'
import { shellWord } from '../terminal/shell-word.ts'
import { connect } from './connect.ts'
import { managedIfAny, type QueueListFlags } from './list.ts'

/** `twq queue show <name>`: what is known of one queue; 1 when it does not exist. Creates nothing. */
export async function queueShow(name: string, flags: QueueListFlags): Promise<number> {
  const { connection, config } = await connect('show', flags)
  await using _ = connection
  const status = await queueStatus(connection, name)
  if (status === undefined) {
    throw new TwqError('TWQ_QUEUE_MISSING', `there is no queue ${name}`, {
      hint: `twq queue declare ${shellWord(name)}`,
    })
  }
  const beside = async (other: string) =>
    (await queueStatus(connection, other, (error) => note(`${other} can't be read: ${error.message}`, flags)))?.messages
  const managed = (await managedIfAny(config, flags))?.get(name)
  const fields = {
    name,
    configured: config.queues.some((queue) => queue.name === name),
    messages_ready: status.messages,
    messages_unacknowledged: managed?.unacked,
    consumers: status.consumers,
    quarantined: await beside(quarantineQueue(name)),
    suspects: await beside(suspectsQueue(name)),
    failed: await beside(failedQueue(name)),
    ...(managed && {
      type: managed.type,
      state: managed.state,
      ...(managed.members > 0 && { members: managed.members, members_online: managed.online }),
      durable: managed.durable,
      arguments: managed.arguments,
      policy: managed.policy,
      publish_rate: managed.published,
      deliver_rate: managed.delivered,
    }),
  }
  print(wantsJson(flags) ? `${toJson(fields)}\n` : fieldTable(fields))
  return EXIT.ok
}
