import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { startDevBroker } from '../../../src/devbroker/server.ts'
import { aProject } from '../../support/a-project.ts'
import { runTwq } from '../../support/run-twq.ts'
import { TwqMonitor } from '../../support/twq-monitor.ts'

const USERS = 'ada correct-horse-battery view\n'

describe('twq monitor', () => {
  it.each([
    [['--listen', '0.0.0.0:0'], 2, /0\.0\.0\.0 can be reached by others/],
    [['--listen', ':0'], 2, /can be reached by others/],
    [['--listen', '[::]:0'], 2, /:: can be reached by others/],
    [['--listen', 'nowhere'], 2, /--listen must be an address/],
    [['--auth', '/no/such/file'], 78, /\/no\/such\/file can't be read/],
    [['--base-path', 'twq'], 78, /basePath must be a path/],
    [['--hide', 'everything'], 78, /hide must name args, results, errors/],
  ] as [string[], number, RegExp][])('with %j ends with %i, and says why', async (args, status, why) => {
    const finished = await runTwq(['monitor', ...args])
    expect(finished.stderr).toMatch(why)
    expect(finished.status).toBe(status)
  })

  it('says that its address is taken', async () => {
    await using broker = await startDevBroker()
    const taken = `127.0.0.1:${new URL(broker.url).port}`
    const { status, stderr } = await runTwq(['monitor', '--listen', taken, '--broker', broker.url])
    expect([status, stderr]).toEqual([78, expect.stringContaining('TWQ_MONITOR_ADDRESS')])
  })

  it('serves the page, and ends with status 130 on Ctrl-C', async () => {
    await using broker = await startDevBroker()
    await using monitor = await TwqMonitor.start(['--broker', broker.url])
    const page = await (await fetch(monitor.url)).text()
    const [, script = ''] = /src="([^"]+page\.js)"/.exec(page) ?? []
    const loaded = await fetch(`${monitor.url}${script}`)
    expect([loaded.status, loaded.headers.get('content-type')]).toEqual([200, 'text/javascript; charset=utf-8'])
    monitor.program.signal('SIGINT')
    expect(await monitor.program.exit).toEqual({ code: 130, signal: null })
  })

  it('with --auth lets in who has a secret, and sends others to the login', async () => {
    using project = aProject({ users: USERS })
    await using broker = await startDevBroker()
    await using monitor = await TwqMonitor.start(['--broker', broker.url, '--auth', join(project.folder, 'users')])
    const stranger = await fetch(`${monitor.url}/tasks`, { redirect: 'manual' })
    expect([stranger.status, stranger.headers.get('location')]).toEqual([303, '/login?to=%2Ftasks'])
    expect((await fetch(`${monitor.url}/api/tasks`)).status).toBe(401)
    const authorization = 'Bearer correct-horse-battery'
    expect(await monitor.get('/api/session', { authorization })).toMatchObject({ user: 'ada', rights: ['view'] })
  })

  it('goes on while a thousand pages are open, and while clients send and read nothing', async () => {
    await using broker = await startDevBroker()
    await using monitor = await TwqMonitor.start(['--broker', broker.url])
    const stop = new AbortController()
    const streams = await Promise.all(
      Array.from({ length: 1_000 }, () => fetch(`${monitor.url}/api/stream`, { signal: stop.signal })),
    )
    const statuses = streams.map(({ status }) => status)
    expect([200, 503].map((wanted) => statuses.filter((status) => status === wanted).length)).toEqual([200, 800])
    await using slow = await slowClients(new URL(monitor.url), 100)
    expect(slow.open).toBe(100)
    expect((await fetch(`${monitor.url}/api/overview`)).status).toBe(200)
    stop.abort()
  })
})

/** Clients that begin a request and never end it. */
async function slowClients(
  { hostname, port }: URL,
  many: number,
): Promise<AsyncDisposable & { readonly open: number }> {
  const sockets = Array.from({ length: many }, () => connect(Number(port), hostname))
  await Promise.all(sockets.map((socket) => once(socket, 'connect')))
  for (const socket of sockets) {
    socket.on('error', () => {})
    socket.write('GET /api/overview HTTP/1.1\r\nhost: 127')
  }
  return {
    open: sockets.length,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
    },
  }
}
