import { expect, it } from 'vitest'
import { createLogger } from '../../../src/runtime/log/logger.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { startTestWorker } from '../../../src/testing.ts'

it.each(['celery', 'celery.suspects'])(
  '%s, that was down, is told of once it is consumed again, if over another connection',
  async (name) => {
    const told: string[] = []
    const write = (line: string): void => {
      const { event, queue } = JSON.parse(line) as { event: string; queue?: string }
      if (event.startsWith('consumer.') && queue === name) told.push(event)
    }
    const logger = createLogger({ level: 'info', format: 'json', destination: { write } })
    const task = defineTask({ name: 'task', run: () => 'ran' })
    await using scene = await startTestWorker({ tasks: [task], logger })
    const channel = await (await scene.broker.connect()).openChannel()
    await Promise.all([channel.deleteQueue(name), channel.declareQueue({ name, durable: false, exclusive: true })])
    await scene.clock.pass('10s')
    expect(told).toEqual(['consumer.cancelled', 'consumer.down'])
    // The connection that owns the queue is lost, too, and the queue with it.
    scene.broker.cutConnections()
    await scene.clock.pass('1m')
    expect(await (await scene.client.send(task)).result()).toBe('ran')
    scene.broker.cutConnections()
    await scene.clock.pass('1m')
    expect(told).toEqual(['consumer.cancelled', 'consumer.down', 'consumer.restored'])
  },
)
