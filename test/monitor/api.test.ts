import { describe, expect, it } from 'vitest'
import { createMemoryBroker } from '../../src/broker/memory/broker.ts'
import { startDevBroker } from '../../src/devbroker/server.ts'
import type { AuditList, ScheduleListing } from '../../src/monitor/answers/actions.ts'
import type { Overview, WorkerList } from '../../src/monitor/answers/cluster.ts'
import type { TaskDetail, TaskList } from '../../src/monitor/answers/tasks.ts'
import { givenAccess } from '../../src/monitor/auth/given-access.ts'
import { Sessions } from '../../src/monitor/auth/sessions.ts'
import { RIGHTS } from '../../src/monitor/auth/visitor.ts'
import { createMonitor } from '../../src/monitor/create-monitor.ts'
import type { MonitorOptions } from '../../src/monitor/monitor-options.ts'
import { systemClock } from '../../src/runtime/time/clock.ts'
import { startTestWorker } from '../../src/testing/test-worker.ts'
import { aMonitor, aTaskEvent, HOST } from '../support/a-monitor.ts'
import { FaultProxy } from '../support/fault-proxy.ts'

const HEADERS = ['content-security-policy', 'x-content-type-options', 'x-frame-options', 'referrer-policy']

describe('the API of the monitor', () => {
  it('tells what the events tell', async () => {
    await using scene = await aMonitor()
    await scene.say([
      aTaskEvent('task-received', 't1', { name: 'add', args: '(1, 2)', kwargs: '{}' }),
      aTaskEvent('task-started', 't1'),
      aTaskEvent('task-succeeded', 't1', { result: '3', runtime: 0.25 }),
    ])
    const task = await scene.until<TaskDetail>('/api/tasks/t1', ({ state }) => state === 'SUCCESS')
    expect(task).toMatchObject({ name: 'add', args: '(1, 2)', result: { text: '3', from: 'event' }, runtime: 0.25 })
    const overview = await scene.get<Overview>('/api/overview')
    expect(overview).toMatchObject({ totals: { received: 1, started: 1, succeeded: 1, failed: 0 }, remembered: 1 })
    const { workers } = await scene.get<WorkerList>('/api/workers')
    expect(workers).toMatchObject([{ name: 'w1@host', online: true, software: 'py-celery 5.6.3', taskEvents: 'heard' }])
  })

  it('is read only unless changes are allowed, and says which right is missing', async () => {
    await using scene = await aMonitor()
    const changes: [string, object][] = [
      ['/api/quarantine/replay', { queue: 'celery', ids: ['a'] }],
      ['/api/quarantine/drop', { queue: 'celery', ids: ['a'] }],
      ['/api/failed/retry', { queue: 'celery', ids: ['a'] }],
      ['/api/failed/drop', { queue: 'celery', ids: ['a'] }],
      ['/api/failed/edit', { queue: 'celery', id: 'a', args: '{"args": [], "kwargs": {}}' }],
      ['/api/schedules/trigger', { name: 'a' }],
      ['/api/workers/enable-events', { workers: ['w1@host'] }],
      ['/api/tasks/revoke', { ids: ['a'] }],
    ]
    for (const [path, body] of changes) expect([path, (await scene.post(path, body)).status]).toEqual([path, 403])
    expect((await scene.get<AuditList>('/api/audit')).entries).toEqual([])
  })

  it('notes who did what, also where it failed', async () => {
    await using scene = await aMonitor({ allowControl: true })
    expect((await scene.post('/api/quarantine/replay', { queue: 'celery', ids: ['a', 'b'] })).status).toBe(200)
    expect((await scene.post('/api/tasks/revoke', { ids: ['a'] })).status).toBe(409)
    const { entries } = await scene.get<AuditList>('/api/audit')
    expect(entries).toMatchObject([
      { who: 'anyone', what: 'revoke', on: 'a', outcome: 'failed', detail: 'no worker listens on this broker' },
      { who: 'anyone', what: 'replay', on: 'celery: a, b', outcome: 'done' },
    ])
  })

  it('changes nothing without the token of the page, or for another site', async () => {
    await using scene = await aMonitor({ allowControl: true })
    const body = { queue: 'celery', ids: ['a'] }
    for (const headers of [
      { 'x-twq-csrf': '' },
      { 'x-twq-csrf': 'guess' },
      { origin: 'http://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
      { host: 'evil.example' },
    ] as Record<string, string>[]) {
      expect([403, 421]).toContain((await scene.post('/api/quarantine/drop', body, headers)).status)
    }
    expect((await scene.get<AuditList>('/api/audit')).entries).toEqual([])
  })

  it.each([
    ['/api/quarantine/replay', '{'],
    ['/api/quarantine/replay', '[]'],
    ['/api/quarantine/replay', 'null'],
    ['/api/quarantine/replay', '{"queue":"a"}'],
    ['/api/quarantine/replay', '{"queue":"a","ids":[]}'],
    ['/api/quarantine/replay', '{"queue":"a","ids":[1]}'],
    ['/api/quarantine/replay', `{"queue":"${'a'.repeat(400)}","ids":["b"]}`],
    ['/api/schedules/trigger', '{"name":{}}'],
    ['/api/schedules/constructor', '{"name":"a"}'],
    ['/api/workers/enable-events', '{"workers":"all"}'],
  ])('refuses %s with %s as no request that can be meant', async (path, text) => {
    await using scene = await aMonitor({ allowControl: true })
    const { csrf } = await scene.get<{ csrf: string }>('/api/session')
    const response = await scene.fetch(path, { method: 'POST', body: text, headers: { 'x-twq-csrf': csrf } })
    expect(response.status).toBe(400)
  })

  it.each(['null', '[]', '{', '{"name":"ada"}'])(
    'refuses a login of %s as no request that can be meant',
    async (body) => {
      const { login } = new Sessions(
        [{ name: 'ada', secret: 'correct-horse-battery', rights: RIGHTS }],
        false,
        systemClock,
      )
      await using scene = await aMonitor({}, { ...givenAccess(() => ({ name: 'anyone' }), false), login })
      const headers = { 'content-type': 'application/json' }
      expect((await scene.fetch('/login', { method: 'POST', body, headers })).status).toBe(400)
    },
  )

  it('shows a schedule with an integer that no number of JavaScript holds', async () => {
    const broker = createMemoryBroker()
    await using worker = await startTestWorker({ tasks: [], broker, config: { schedules: {} } })
    await worker.client.schedules.set('a', { task: 't', every: '1h', args: [2n ** 63n] })
    await using scene = await aMonitor({}, undefined, broker)
    const { schedules } = await scene.get<ScheduleListing>('/api/schedules')
    expect(JSON.parse(schedules[0]?.definition ?? '{}')).toMatchObject({ task: 't', args: ['9223372036854775808'] })
  })

  it('tells why workers could not be told to send events where the broker is away', async () => {
    await using broker = await startDevBroker()
    // It keeps the port: given up, it could be that of another broker, which would take the request.
    await using proxy = await FaultProxy.before(broker.url)
    await using monitor = createMonitor({
      broker: proxy.through(broker.url),
      allowControl: true,
      authorize: () => ({ name: 'ada', rights: RIGHTS }),
    })
    const ask = (path: string, init: RequestInit = {}) =>
      monitor.fetch(new Request(`http://${HOST}${path}`, { ...init, headers: { host: HOST, ...init.headers } }))
    const { csrf } = (await (await ask('/api/session')).json()) as { csrf: string }
    proxy.refuse()
    proxy.reset()
    const body = JSON.stringify({ workers: ['w1@host'] })
    const response = await ask('/api/workers/enable-events', { method: 'POST', body, headers: { 'x-twq-csrf': csrf } })
    expect(response.status).toBe(503)
    expect(await response.json()).toMatchObject({
      error: expect.stringMatching(/the broker has not taken the request/),
    })
  })

  it('refuses a body that is too large', async () => {
    await using scene = await aMonitor({ allowControl: true })
    const response = await scene.post('/api/tasks/revoke', { ids: ['a'.repeat(300_000)] })
    expect(response.status).toBe(413)
  })

  it('hides arguments, results and errors in every answer, and from the search', async () => {
    await using scene = await aMonitor({ hide: ['args', 'results', 'errors'] })
    const secret = {
      args: "('secret',)",
      kwargs: "{'k': 'secret'}",
      exception: 'secret',
      traceback: 'secret',
      result: 'secret',
    }
    await scene.say([aTaskEvent('task-received', 't1', secret), aTaskEvent('task-failed', 't1', secret)])
    await scene.until<TaskDetail>('/api/tasks/t1', ({ state }) => state === 'FAILURE')
    for (const path of [
      '/api/tasks',
      '/api/tasks/t1',
      '/api/tasks/t1/tree',
      '/api/overview',
      '/api/tasks?text=secret',
    ]) {
      expect(await (await scene.fetch(path)).text()).not.toContain('secret')
    }
    expect((await scene.get<TaskList>('/api/tasks?text=secret')).matching).toBe(0)
  })

  it('hides what a function says of each task', async () => {
    await using scene = await aMonitor({ hide: ({ name }) => (name === 'login' ? ['args'] : []) })
    await scene.say([
      aTaskEvent('task-received', 't1', { name: 'login', args: "('secret',)" }),
      aTaskEvent('task-received', 't2', { name: 'add', args: '(1,)' }),
    ])
    const { tasks } = await scene.until<TaskList>('/api/tasks', ({ remembered }) => remembered === 2)
    expect(Object.fromEntries(tasks.map(({ name, args }) => [name, args]))).toEqual({ add: '(1,)', login: undefined })
  })

  it('hides everything of a task where the function throws, or says nothing', async () => {
    for (const hide of [
      () => {
        throw new Error('a defect')
      },
      () => undefined as never,
    ]) {
      await using scene = await aMonitor({ hide })
      await scene.say(aTaskEvent('task-failed', 't1', { name: 'add', args: 'secret', exception: 'secret' }))
      await scene.until<TaskDetail>('/api/tasks/t1', ({ state }) => state === 'FAILURE')
      expect(await (await scene.fetch('/api/tasks/t1')).text()).not.toContain('secret')
    }
  })

  it('lets nobody in of whom it can not be said who they are', async () => {
    const answers = [
      () => Promise.reject(new Error('a defect')),
      () => undefined,
      () => null as never,
      () => ({}) as never,
      () => ({ name: 'ada', rights: [] }),
    ]
    for (const authorize of answers) {
      await using monitor = createMonitor({ authorize, broker: 'amqp://127.0.0.1:1//' })
      const response = await monitor.fetch(new Request(`http://${HOST}/api/overview`, { headers: { host: HOST } }))
      expect([401, 403]).toContain(response.status)
      expect(HEADERS.filter((name) => !response.headers.has(name))).toEqual([])
    }
  })

  it('keeps every answer to itself', async () => {
    await using scene = await aMonitor({ basePath: '/twq' })
    for (const path of ['/api/overview', '/api/nothing', '/nothing', '/api/tasks?since=x']) {
      const { headers } = await scene.fetch(path)
      expect(HEADERS.filter((name) => !headers.has(name))).toEqual([])
      expect(headers.get('cache-control')).toBe('no-store')
      expect(headers.has('access-control-allow-origin')).toBe(false)
    }
    const policy = (await scene.fetch('/api/overview')).headers.get('content-security-policy')
    expect(policy).toContain("script-src 'self'; style-src 'self'")
    expect(policy).not.toContain('unsafe')
  })

  it.each([
    ...[
      '/../package.json',
      '/assets/../../package.json',
      '/assets/x/..%2f..%2f..%2fpackage.json',
      '/assets/%2e%2e/page.js',
    ],
    ...[
      '/assets/x/page.js%00',
      '//etc/passwd',
      '/assets/x/constructor',
      '/api/../../etc/passwd',
      '/..%5c..%5cpackage.json',
    ],
  ])('has no file at %s', async (path) => {
    await using scene = await aMonitor()
    const response = await scene.monitor.fetch(new Request(`http://${HOST}${path}`, { headers: { host: HOST } }))
    expect(response.status).toBe(404)
  })

  it('answers an unknown address with the page for a browser, and with JSON for a program', async () => {
    await using scene = await aMonitor({ basePath: '/twq' })
    const ask = async (path: string, accept: string) => {
      const { status, headers } = await scene.fetch(path, { headers: { accept } })
      return [status, headers.get('content-type')?.split(';')[0]]
    }
    expect(await ask('/nope', 'text/html,*/*;q=0.8')).toEqual([404, 'text/html'])
    expect(await ask('/nope', '*/*')).toEqual([404, 'application/json'])
    expect(await ask('/api/nope', 'text/html')).toEqual([404, 'application/json'])
    expect(await ask('/assets/nope/page.js', 'text/html')).toEqual([404, 'application/json'])
  })

  it('has 200 streams at most, and room again once one is closed', async () => {
    await using scene = await aMonitor()
    const responses = await Promise.all(Array.from({ length: 1_000 }, () => scene.fetch('/api/stream')))
    const open = responses.filter(({ status }) => status === 200)
    expect([open.length, responses.filter(({ status }) => status === 503).length]).toEqual([200, 800])
    expect((await scene.fetch('/api/overview')).status).toBe(200)
    await open[0]?.body?.cancel()
    const again = await scene.fetch('/api/stream')
    expect(again.status).toBe(200)
    for (const { body } of [...open, again]) await body?.cancel().catch(() => {})
  })

  it('opens no stream for who asks for its headers alone', async () => {
    await using scene = await aMonitor()
    const asked = Array.from({ length: 300 }, () => scene.fetch('/api/stream', { method: 'HEAD' }))
    const heads = await Promise.all(asked)
    expect(new Set(heads.map(({ status }) => status))).toEqual(new Set([200]))
    const stream = await scene.fetch('/api/stream')
    expect(stream.status).toBe(200)
    await stream.body?.cancel()
  })

  it('tells a stream of changes, and passes over one that is not read', async () => {
    await using scene = await aMonitor()
    const unread = await scene.fetch('/api/stream')
    const { body } = await scene.fetch('/api/stream')
    const reader = body!.pipeThrough(new TextDecoderStream()).getReader()
    await reader.read()
    let told = ''
    while (!/"tasks":[1-9]/.test(told)) {
      await scene.say(aTaskEvent('task-started', 't1'))
      told = (await reader.read()).value ?? ''
    }
    expect(told).toMatch(
      /^event: changed\ndata: \{"tasks":\d+,"workers":\d+,"queues":\d+,"broker":\d+,"audit":\d+,"rates":\d+,"charts":\d+\}\n\n$/,
    )
    await Promise.all([reader.cancel(), unread.body?.cancel()])
  })
})

describe('createMonitor', () => {
  const authorize = () => undefined
  it.each([
    [{}, /needs `authorize`/],
    [{ authorize: true }, /needs `authorize`/],
    [{ authorize, basePath: 'twq' }, /basePath must be a path/],
    [{ authorize, basePath: '/"><script>' }, /basePath must be a path/],
    [{ authorize, hide: ['arguments'] }, /hide must name/],
    [{ authorize, store: 5 }, /store must be the path of a file/],
    [{ authorize, broker: 'nonsense' }, /broker/],
  ])('refuses %j', (options, problem) => {
    expect(() => createMonitor(options as unknown as MonitorOptions)).toThrow(problem)
  })
})
