import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, lstatSync, mkdtempSync, readdirSync, rmSync, utimesSync } from 'node:fs'
import { Agent, type RequestOptions, request } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { HealthServer, type HealthSource } from '../../src/metrics/health-server.ts'
import { newSocketPath } from '../../src/metrics/local-sockets.ts'
import { silentLogger } from '../support/silent-logger.ts'

const failing = [{ check: 'consumer', why: 'no confirmed consumer on celery' }] as const

const source: HealthSource = {
  node: 'w@test',
  judge: (probe) => (probe === 'ready' ? failing : []),
  info: () => ({ node: 'w@test' }),
  metrics: async () => undefined,
}

let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'twq-health-'))
})

afterEach(() => rmSync(root, { recursive: true }))

async function ask(options: RequestOptions, body?: string) {
  const asked = request({ agent: false, ...options })
  asked.end(body)
  const [response] = await once(asked, 'response')
  return { status: response.statusCode, type: response.headers['content-type'], body: await text(response) }
}

describe('the health server', () => {
  it('answers each probe with a status and what fails', async () => {
    await using server = new HealthServer(source, silentLogger)
    const port = await server.listen({ host: '127.0.0.1', port: 0 })
    const get = (path: string) => ask({ port, path })
    const live = { live: true, node: 'w@test', pid: process.pid, failing: [] }
    expect(await get('/livez')).toEqual({ status: 200, type: 'application/json', body: `${JSON.stringify(live)}\n` })
    const ready = await get('/readyz?verbose')
    expect(ready.status).toBe(503)
    expect(JSON.parse(ready.body)).toEqual({ ready: false, node: 'w@test', pid: process.pid, failing })
    expect((await get('/startupz')).status).toBe(200)
    expect(JSON.parse((await get('/info')).body)).toEqual({ node: 'w@test' })
    expect(await get('/metrics')).toMatchObject({ status: 404, body: expect.stringContaining('--health') })
    for (const path of ['/', '/readyz/', '/__proto__', '/constructor']) expect((await get(path)).status).toBe(404)
  })

  it('names warnings where readiness is asked for, and passes', async () => {
    const warnings = [{ check: 'publisher', why: 'no confirm for 10000 ms' }] as const
    await using server = new HealthServer({ ...source, judge: () => [], warnings: () => warnings }, silentLogger)
    const port = await server.listen({ host: '127.0.0.1', port: 0 })
    const ready = await ask({ port, path: '/readyz' })
    expect(ready.status).toBe(200)
    expect(JSON.parse(ready.body)).toEqual({ ready: true, node: 'w@test', pid: process.pid, failing: [], warnings })
    expect(JSON.parse((await ask({ port, path: '/livez' })).body)).not.toHaveProperty('warnings')
  })

  it('takes nothing: no other method, no body, no long headers', async () => {
    await using server = new HealthServer(source, silentLogger)
    const port = await server.listen({ host: '127.0.0.1', port: 0 })
    expect((await ask({ port, path: '/livez', method: 'HEAD' })).body).toBe('')
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      expect((await ask({ port, path: '/livez', method })).status).toBe(405)
    }
    expect((await ask({ port, path: '/livez', headers: { 'content-length': 4 } }, 'body')).status).toBe(413)
    expect((await ask({ port, path: '/livez', headers: { 'transfer-encoding': 'chunked' } }, 'body')).status).toBe(413)
    expect((await ask({ port, path: '/livez', headers: { x: 'x'.repeat(10_000) } })).status).toBe(431)
  })

  it('goes on when a question can not be answered', async () => {
    const broken = {
      ...source,
      judge: () => {
        throw new Error('no signs')
      },
    }
    await using server = new HealthServer(broken, silentLogger)
    const port = await server.listen({ host: '127.0.0.1', port: 0 })
    await expect(ask({ port, path: '/livez' })).rejects.toThrow('socket hang up')
    expect((await ask({ port, path: '/info' })).status).toBe(200)
  })

  it.each([
    ['nothing', ''],
    ['half a request', 'GET /livez HTTP/1.1\r\nhost: x\r\n'],
  ])('answers a probe at once while 200 connections say %s', async (_, words) => {
    await using server = new HealthServer(source, silentLogger)
    const port = await server.listen({ host: '127.0.0.1', port: 0 })
    const silent = Array.from({ length: 200 }, () => connect({ port, host: '127.0.0.1' }).on('error', () => {}))
    await Promise.all(silent.map((socket) => once(socket, 'connect')))
    for (const socket of silent) if (!socket.destroyed) socket.write(words)
    for (let probe = 0; probe < 10; probe += 1) expect((await ask({ port, path: '/livez' })).status).toBe(200)
    for (const socket of silent) socket.destroy()
  })

  it('closes the connection that was silent longest, not one that asks again and again', async () => {
    await using server = new HealthServer(source, silentLogger)
    const port = await server.listen({ host: '127.0.0.1', port: 0 })
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const sockets = new Set<unknown>()
    const probe = async (): Promise<void> => {
      const asked = request({ port, path: '/livez', agent })
      asked.on('socket', (socket) => sockets.add(socket))
      asked.end()
      const [response] = await once(asked, 'response')
      await text(response)
    }
    await probe()
    const silent = []
    for (let round = 0; round < 5; round += 1) {
      for (let count = 0; count < 40; count += 1) {
        const socket = connect({ port, host: '127.0.0.1' }).on('error', () => {})
        await once(socket, 'connect')
        silent.push(socket)
      }
      await probe()
    }
    expect(sockets.size).toBe(1)
    agent.destroy()
    for (const socket of silent) socket.destroy()
  })

  it('says which address it can not listen on', async () => {
    await using first = new HealthServer(source, silentLogger)
    const port = await first.listen({ host: '127.0.0.1', port: 0 })
    await using second = new HealthServer(source, silentLogger)
    await expect(second.listen({ host: '127.0.0.1', port })).rejects.toMatchObject({
      code: 'TWQ_HEALTH_ADDRESS',
      message: expect.stringContaining(`127.0.0.1:${port}`),
    })
  })

  it('ends with its worker, whoever still listens to it', async () => {
    const server = new HealthServer(source, silentLogger)
    const port = await server.listen({ host: '127.0.0.1', port: 0 })
    const socket = connect(port)
    await once(socket, 'connect')
    socket.on('error', () => {})
    const closed = once(socket, 'close')
    await server[Symbol.asyncDispose]()
    await closed
  })
})

describe('the local socket', () => {
  it('answers too, is closed to others, and goes when its worker goes', async () => {
    const server = new HealthServer(source, silentLogger)
    const path = (await server.listenLocally([join(root, 'twq')])) as string
    expect(lstatSync(path).mode & 0o777).toBe(0o600)
    expect((await ask({ socketPath: path, path: '/livez' })).status).toBe(200)
    await server[Symbol.asyncDispose]()
    expect(existsSync(path)).toBe(false)
  })

  it('of two workers with one name are two', async () => {
    await using first = new HealthServer(source, silentLogger)
    await using second = new HealthServer(source, silentLogger)
    const paths = await Promise.all([first.listenLocally([root]), second.listenLocally([root])])
    expect(new Set(paths).size).toBe(2)
    for (const socketPath of paths) expect((await ask({ socketPath, path: '/livez' })).status).toBe(200)
  })

  it('that a killed worker has left is cleared away, once nobody can be about to listen on it', async () => {
    const left = newSocketPath(root, 'w@test') as string
    const code = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`
    await once(spawn(process.execPath, ['-e', code, left]), 'exit')
    expect(existsSync(left)).toBe(true)
    {
      await using server = new HealthServer(source, silentLogger)
      await server.listenLocally([root])
      expect(existsSync(left)).toBe(true)
    }
    utimesSync(left, 0, 0)
    await using server = new HealthServer(source, silentLogger)
    const path = await server.listenLocally([root])
    expect(readdirSync(root).map((name) => join(root, name))).toEqual([path])
  })

  it('is in the first folder that can be used, and a worker does without where none can', async () => {
    await using server = new HealthServer(source, silentLogger)
    const path = await server.listenLocally([join(root, 'missing/twq'), join(root, 'd'.repeat(90)), join(root, 'twq')])
    expect(dirname(path as string)).toBe(join(root, 'twq'))
    expect(await server.listenLocally([join(root, 'missing/twq')])).toBeUndefined()
  })
})
