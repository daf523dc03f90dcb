import { randomUUID } from 'node:crypto'
import type { Options } from 'amqplib'
import amqp from 'amqplib'

/** A task message as amqplib publishes it. */
export interface Publishable {
  readonly id: string
  readonly body: Buffer
  readonly options: Options.Publish
}

// py-amqp writes header integers as int32; amqplib would choose the smallest type.
const int32 = (value: number) => ({ '!': 'int32', value })

/**
 * One task as Celery 5.6 sends it: protocol 2, persistent, JSON, all of its 19 headers. `replyTo` is always set by Python
 * clients, whether anybody waits or not.
 */
export function celeryMessage(task: string, args: readonly (number | string)[], replyTo: string): Publishable {
  const id = randomUUID()
  const headers = {
    lang: 'py',
    task,
    id,
    shadow: null,
    eta: null,
    expires: null,
    group: null,
    group_index: null,
    retries: int32(0),
    timelimit: [null, null],
    root_id: id,
    parent_id: null,
    argsrepr: `(${args.join(', ')})`,
    kwargsrepr: '{}',
    origin: 'gen10001@sender',
    ignore_result: false,
    replaced_task_nesting: int32(0),
    stamped_headers: null,
    stamps: {},
  }
  return {
    id,
    body: Buffer.from(
      `[${JSON.stringify(args)}, {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]`,
    ),
    options: {
      headers,
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      persistent: true,
      priority: 0,
      correlationId: id,
      replyTo,
    },
  }
}

/**
 * Puts `count` messages into a durable queue of its own, each confirmed, before anybody consumes it; returns their ids.
 * `type` is that of the queue, a classic one where nothing is said.
 */
export async function preload(
  url: string,
  queue: string,
  count: number,
  message: (index: number) => Publishable,
  type?: 'quorum',
): Promise<string[]> {
  const connection = await amqp.connect(url, { noDelay: true })
  try {
    const channel = await connection.createConfirmChannel()
    await channel.assertQueue(queue, { durable: true, ...(type && { arguments: { 'x-queue-type': type } }) })
    const ids: string[] = []
    for (let index = 0; index < count; index += 1) {
      const { id, body, options } = message(index)
      ids.push(id)
      // Waiting now and then keeps amqplib's unbounded buffer small.
      channel.sendToQueue(queue, body, options)
      if (index % 1000 === 999) await channel.waitForConfirms()
    }
    await channel.waitForConfirms()
    return ids
  } finally {
    await connection.close()
  }
}
