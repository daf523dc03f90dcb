import { createMemoryBroker } from '../../src/broker/memory/broker.ts'
import { givenAccess } from '../../src/monitor/auth/given-access.ts'
import { type Access, RIGHTS } from '../../src/monitor/auth/visitor.ts'
import { createMonitorOf } from '../../src/monitor/create-monitor.ts'
import type { MonitorOptions } from '../../src/monitor/monitor-options.ts'
import { EVENT_EXCHANGE } from '../../src/protocol/remote/event.ts'
import { systemClock } from '../../src/runtime/time/clock.ts'
import { pollUntil } from './until.ts'

/** What a monitor of the tests is reached by. */
export const HOST = '127.0.0.1:5555'

/** A monitor of a memory broker, which hears what is said; everybody may do everything unless `access` says otherwise. */
export async function aMonitor(
  options: Omit<MonitorOptions, 'authorize'> = {},
  access: Access = everybody(options),
  broker = createMemoryBroker(),
) {
  const monitor = createMonitorOf(options, access, { broker, clock: systemClock })
  const channel = await (await broker.connect()).openChannel()
  await channel.declareExchange({ name: EVENT_EXCHANGE, type: 'topic', durable: true })
  const fetched = (path: string, init: RequestInit = {}): Promise<Response> => {
    const headers = { host: HOST, ...(init.headers as Record<string, string> | undefined) }
    return monitor.fetch(new Request(`http://${HOST}${options.basePath ?? ''}${path}`, { ...init, headers }))
  }
  const get = async <Answer>(path: string): Promise<Answer> => (await (await fetched(path)).json()) as Answer
  const token = async (): Promise<string> => (await get<{ csrf: string }>('/api/session')).csrf
  const scene = {
    broker,
    channel,
    monitor,
    fetch: fetched,
    get,
    /** Posts as the page does. */
    post: async (path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Response> => {
      const own = { 'content-type': 'application/json', 'x-twq-csrf': await token(), origin: `http://${HOST}` }
      return await fetched(path, { method: 'POST', headers: { ...own, ...headers }, body: JSON.stringify(body) })
    },
    /** Publishes one event, or several in a message; a text goes as it is. */
    say: async (body: unknown): Promise<void> => {
      const text = typeof body === 'string' ? body : JSON.stringify(body)
      const properties = { contentType: 'application/json', contentEncoding: 'utf-8' }
      await channel.publish(
        { exchange: EVENT_EXCHANGE, routingKey: 'task.multi' },
        { properties, headers: {}, body: Buffer.from(text) },
      )
    },
    /** An answer once it is as it should be: the monitor takes events in after the broker has confirmed them. */
    until: <Answer>(path: string, accept: (answer: Answer) => boolean): Promise<Answer> =>
      pollUntil(path, () => get<Answer>(path), accept, { every: 5 }),
    [Symbol.asyncDispose]: () => monitor.close(),
  }
  await scene.until<{ broker: { state: string } }>('/api/overview', ({ broker: { state } }) => state === 'connected')
  // It listens once an event arrives.
  await pollUntil(
    'a worker is heard',
    async () => {
      await scene.say(aWorkerEvent('worker-online'))
      return await get<{ workers: readonly unknown[] }>('/api/workers')
    },
    ({ workers }) => workers.length > 0,
  )
  return scene
}

/** An event of a worker. */
export function aWorkerEvent(type: string, fields: object = {}) {
  const software = { sw_ident: 'py-celery', sw_ver: '5.6.3', sw_sys: 'Linux' }
  return { type, hostname: 'w1@host', timestamp: Date.now() / 1000, clock: 1, freq: 2, ...software, ...fields }
}

/** An event of a task. */
export function aTaskEvent(type: string, uuid: string, fields: object = {}) {
  return { type, uuid, hostname: 'w1@host', timestamp: Date.now() / 1000, clock: 1, pid: 1, ...fields }
}

function everybody({ allowControl = false }: Omit<MonitorOptions, 'authorize'>): Access {
  return givenAccess(() => ({ name: 'anyone', rights: RIGHTS }), allowControl)
}
