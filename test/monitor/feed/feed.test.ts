import { expect, it } from 'vitest'
import { createMemoryBroker } from '../../../src/broker/memory/broker.ts'
import { declarePidboxExchange, PIDBOX_EXCHANGE } from '../../../src/broker/pidbox.ts'
import { givenAccess } from '../../../src/monitor/auth/given-access.ts'
import { createMonitorOf } from '../../../src/monitor/create-monitor.ts'
import { EVENT_EXCHANGE } from '../../../src/protocol/remote/event.ts'
import { ManualClock } from '../../../src/runtime/time/manual-clock.ts'
import { aWorkerEvent, HOST } from '../../support/a-monitor.ts'
import { pollUntil } from '../../support/until.ts'

it('queries workers also while new ones come all the time', async () => {
  const broker = createMemoryBroker()
  const channel = await (await broker.connect()).openChannel()
  await channel.declareExchange({ name: EVENT_EXCHANGE, type: 'topic', durable: true })
  await declarePidboxExchange(channel)
  await channel.declareQueue({ name: 'requests', durable: false })
  await channel.bind('requests', PIDBOX_EXCHANGE, '')
  const asked: string[] = []
  await channel.consume('requests', ({ body }) => void asked.push(JSON.parse(Buffer.from(body).toString()).method), {
    noAck: true,
  })
  const clock = new ManualClock(1_700_000_000_000)
  await using monitor = createMonitorOf(
    {},
    givenAccess(() => ({ name: 'anyone' }), false),
    { broker, clock },
  )
  const workers = async (): Promise<number> => {
    const response = await monitor.fetch(new Request(`http://${HOST}/api/workers`, { headers: { host: HOST } }))
    return ((await response.json()) as { workers: readonly unknown[] }).workers.length
  }
  const properties = { contentType: 'application/json', contentEncoding: 'utf-8' }
  for (let number = 1; !asked.includes('stats') || asked.lastIndexOf('stats') === asked.indexOf('stats'); number += 1) {
    expect(number).toBeLessThan(60)
    await pollUntil(
      'a new worker is heard',
      async () => {
        const event = aWorkerEvent('worker-online', { hostname: `w${number}@host` })
        const body = Buffer.from(JSON.stringify(event))
        await channel.publish(
          { exchange: EVENT_EXCHANGE, routingKey: 'worker.online' },
          { properties, headers: {}, body },
        )
        return await workers()
      },
      (many) => many >= number,
      { every: 1 },
    )
    await clock.pass(500)
  }
})
