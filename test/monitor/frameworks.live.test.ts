import { request as nodeRequest } from 'node:http'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { AuditList } from '../../src/monitor/answers/actions.ts'
import { blocksOf } from '../readme/blocks.ts'
import { aProject } from '../support/a-project.ts'
import { Program } from '../support/program.ts'
import { freePort } from '../support/provision/free-ports.ts'
import { brokerUrl } from '../support/services.ts'

// The examples of docs/monitor.md, each in a process of its own with the real framework.

const BLOCKS = blocksOf(join(import.meta.dirname, '../../docs/monitor.md'))
const PACKAGES = [
  ...['express', 'fastify', 'hono', '@hono/node-server'],
  ...['@nestjs/common', '@nestjs/core', '@nestjs/platform-express', 'reflect-metadata', 'rxjs'],
]
const ADA = { 'x-user': 'ada' }
// As many as may be open at once.
const MOST_STREAMS = 200
const AT_ONCE = 50

/** What Next does with the file of a route: it loads it anew when it has changed, calls the function of the method with a Request of the Fetch API, and sends its Response. */
const NEXT = `import { serve } from '@hono/node-server'
import type * as Route from './route.ts'
let loads = 0
const load = async (): Promise<typeof Route> => await import('./route.ts?' + loads++)
const echo = async (request: Request) => Response.json(await request.json())
const fetch = async (request: Request) =>
  new URL(request.url).pathname === '/echo' ? echo(request) : (await load())[request.method as 'GET' | 'POST'](request)
serve({ fetch, port: Number(process.env.PORT), hostname: '127.0.0.1' }, () => console.log('listening'))
`

function shown(file: string): string {
  const block = BLOCKS.find(({ text }) => text.startsWith(`// ${file}\n`))
  if (block === undefined) throw new Error(`docs/monitor.md shows no ${file}`)
  return block.text
}

/** Starts an application beside the monitor of the documentation. */
async function anApp(source: string) {
  const files = { 'monitor.ts': shown('monitor.ts'), 'route.ts': shown('route.ts'), 'app.ts': source }
  const project = aProject(files, { type: 'module', packages: PACKAGES })
  const port = await freePort()
  const program = new Program(process.execPath, ['--import', import.meta.resolve('tsx'), 'app.ts'], {
    cwd: project.folder,
    env: { PORT: String(port), TWQ_BROKER: brokerUrl() },
  })
  await program.until('listening')
  const host = `127.0.0.1:${port}`
  const ask = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`http://${host}${path}`, { ...init, headers: { ...ADA, ...(init.headers as object) } })
  return {
    host,
    ask,
    get: async <Answer>(path: string): Promise<Answer> => (await (await ask(path)).json()) as Answer,
    post: (path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
      ask(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      }),
    async [Symbol.asyncDispose]() {
      await program[Symbol.asyncDispose]()
      project[Symbol.dispose]()
    },
  }
}

type App = Awaited<ReturnType<typeof anApp>>

/** The status of a request with a header that `fetch` sets itself. */
function statusFor(host: string, headers: Readonly<Record<string, string>>): Promise<number | undefined> {
  const [hostname, port] = host.split(':')
  return new Promise((resolve, reject) => {
    const asked = nodeRequest({ hostname, port, path: '/twq/api/overview', headers: { ...ADA, ...headers } })
    asked.on('response', (response) => {
      response.resume()
      resolve(response.statusCode)
    })
    asked.on('error', reject)
    asked.end()
  })
}

/** A stream of changes, of which each read is a piece of text. */
async function aStream(app: App) {
  const stop = new AbortController()
  const response = await app.ask('/twq/api/stream', { signal: stop.signal })
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  return {
    status: response.status,
    /** Reads on until a number of the audit is there that passes. */
    async until(accept: (audit: number) => boolean): Promise<number> {
      for (;;) {
        const { value = '', done } = await reader.read()
        const audit = Number(/"audit":(\d+)/.exec(value)?.[1] ?? -1)
        if (audit >= 0 && accept(audit)) return audit
        if (done) throw new Error('the stream has ended')
      }
    },
    leave: () => stop.abort(),
  }
}

const parsed = (source: string) =>
  source.replace("app.use('/twq'", "app.use(express.json())\napp.set('trust proxy', true)\napp.use('/twq'")
const parsedByFastify = (source: string) => source.replace(/ {2}scope\.(remove|add).*\n/g, '')

describe.concurrent.each([
  ["Node's http", shown('app.ts'), false],
  ['Express', shown('express-app.ts'), true],
  ['Express, behind a parser of JSON and a trusted proxy', parsed(shown('express-app.ts')), true],
  ['Fastify', shown('fastify-app.ts'), true],
  ['Hono', shown('hono-app.ts'), true],
  ['Nest', shown('nest-app.ts'), true],
  ['a route handler as that of Next', NEXT, true],
])('the monitor in %s', (_name, source, echoes) => {
  it('serves its page, its API and streams that end with their readers, and acts for its own page alone', async () => {
    await using app = await anApp(source)

    const page = await (await app.ask('/twq/tasks')).text()
    const [, script = ''] = /<script type="module" src="([^"]+)"/.exec(page) ?? []
    expect(script).toMatch(/^\/twq\/assets\//)
    expect((await app.ask(script)).headers.get('content-type')).toContain('javascript')
    expect((await app.ask('/twq')).status).toBe(200)
    expect((await app.ask('/twq/api/overview', { headers: { 'x-user': 'eve' } })).status).toBe(401)
    expect(await app.get('/twq/api/session')).toMatchObject({ user: 'ada', rights: ['view', 'retry', 'edit'] })

    const hosts = [{ host: 'evil.example' }, { host: app.host, 'x-forwarded-host': 'evil.example' }]
    expect(await Promise.all(hosts.map((headers) => statusFor(app.host, headers)))).toEqual([421, 200])

    const { csrf } = await app.get<{ csrf: string }>('/twq/api/session')
    const stream = await aStream(app)
    const before = await stream.until(() => true)
    const revoked = { ids: ['nobody'] }
    const token = { 'x-twq-csrf': csrf }
    const refused = [{}, { ...token, origin: 'http://evil.example' }, { ...token, 'sec-fetch-site': 'cross-site' }]
    const answers = await Promise.all(refused.map((headers) => app.post('/twq/api/tasks/revoke', revoked, headers)))
    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403])
    // It went as far as the broker, where no worker listens.
    expect((await app.post('/twq/api/tasks/revoke', revoked, token)).status).toBe(409)
    // It was told while the stream is open: nothing on the way holds it back.
    await stream.until((audit) => audit > before)
    expect((await app.get<AuditList>('/twq/api/audit')).entries).toMatchObject([{ what: 'revoke', on: 'nobody' }])
    stream.leave()

    if (echoes) expect(await (await app.post('/echo', { a: [1] })).json()).toEqual({ a: [1] })

    // Streams whose readers have gone make room for others.
    const status: number[] = []
    for (let opened = 0; opened <= MOST_STREAMS; opened += AT_ONCE) {
      const streams = await Promise.all(Array.from({ length: AT_ONCE }, () => aStream(app)))
      for (const one of streams) one.leave()
      status.push(...streams.map((one) => one.status))
    }
    expect(new Set(status)).toEqual(new Set([200]))
  })
})

it('costs nothing where Next loads its route to build: no connection keeps the process', async () => {
  const files = { 'route.ts': shown('route.ts'), 'build.ts': "import './route.ts'\nconsole.log('loaded')" }
  using project = aProject(files, { type: 'module', packages: [] })
  await using program = new Program(process.execPath, ['--import', import.meta.resolve('tsx'), 'build.ts'], {
    cwd: project.folder,
    env: { TWQ_BROKER: brokerUrl() },
  })
  expect(await program.exit).toMatchObject({ code: 0 })
  expect(program.lines.entries).toEqual(['loaded'])
})

it('says so where a body was read before and is nowhere to be had', async () => {
  await using app = await anApp(parsedByFastify(shown('fastify-app.ts')))
  const { csrf } = await app.get<{ csrf: string }>('/twq/api/session')
  const response = await app.post('/twq/api/tasks/revoke', { ids: ['nobody'] }, { 'x-twq-csrf': csrf })
  expect([response.status, await response.json()]).toEqual([
    500,
    expect.objectContaining({ error: 'the body of this request was read before the monitor got it' }),
  ])
})
