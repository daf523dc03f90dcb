import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClient } from '../../../src/client/create-client.ts'
import { parseRedisUrl } from '../../../src/results/redis/redis-address.ts'
import { RedisConnection } from '../../../src/results/redis/redis-connection.ts'
import { systemClock } from '../../../src/runtime/time/clock.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { aWorker } from '../../support/a-worker.ts'
import { Program, readyOrClosed } from '../../support/program.ts'
import { Certificates } from '../../support/provision/certificates.ts'
import { freePort } from '../../support/provision/free-ports.ts'
import { type RedisServer, redisCommand, startRedis } from '../../support/provision/redis.ts'
import { PythonCaller } from '../../support/python-caller.ts'
import { brokerUrl } from '../../support/services.ts'

const add = defineTask({ name: 'add', positional: ['x', 'y'], run: ({ x, y }: { x: number; y: number }) => x + y })

/** A connection that starts, or says why not. */
async function start(url: string): Promise<'connected'> {
  const address = parseRedisUrl(url)
  const connection = new RedisConnection({ address, name: 'a test', patience: 10_000, clock: systemClock })
  try {
    await connection.start()
    return 'connected'
  } finally {
    await connection.stop({ deadline: AbortSignal.timeout(2_000) })
  }
}

describe('a Redis with TLS and a password', () => {
  let certificates: Certificates
  let redis: RedisServer
  let port: number
  const url = (query: string) => `rediss://:s3cr%40t@127.0.0.1:${port}/0?${query}`

  beforeAll(async () => {
    certificates = await Certificates.make()
    port = await freePort()
    const { ca, certificate, key } = certificates
    const files = ['--tls-ca-cert-file', ca, '--tls-cert-file', certificate, '--tls-key-file', key]
    const args = ['--tls-port', String(port), ...files, '--tls-auth-clients', 'no', '--requirepass', 's3cr@t']
    redis = await startRedis({ args })
  })

  afterAll(async () => {
    await redis?.[Symbol.asyncDispose]()
    await certificates?.[Symbol.asyncDispose]()
  })

  it('keeps results for Python and for TypeScript, by one URL', async () => {
    const resultBackend = url(`ssl_cert_reqs=required&ssl_ca_certs=${encodeURIComponent(certificates.ca)}`)
    await using scene = await aWorker([add], { resultBackend })
    await using client = createClient({ broker: brokerUrl(), resultBackend, queue: scene.queue })
    await using caller = await PythonCaller.start({ broker: brokerUrl(), resultBackend, queue: scene.queue })
    expect(await caller.get(await caller.sendTask('add', [2, 3]))).toBe(5)
    expect(await (await client.send(add, { x: 4, y: 5 })).result({ timeout: '60s' })).toBe(9)
  })

  it.each([
    ['in Celery’s own spelling', () => `ssl_cert_reqs=CERT_REQUIRED&ssl_ca_certs=${certificates.ca}`],
    ['unless who serves is nobody’s business', () => 'ssl_cert_reqs=none'],
    ['whatever its name, where that may be', () => `ssl_check_hostname=false&ssl_ca_certs=${certificates.ca}`],
  ])('is asked who it is, %s', async (_title, query) => {
    expect(await start(url(query()))).toBe('connected')
  })

  it.each([
    ['a stranger vouches for it', () => `ssl_ca_certs=${certificates.stranger}`],
    ['nobody vouches for it', () => 'ssl_cert_reqs=required'],
  ])('is not trusted where %s, which is said at once', async (_title, query) => {
    await expect(start(url(query()))).rejects.toMatchObject({
      code: 'TWQ_RESULT_BACKEND_LOGIN',
      message: expect.stringMatching(/certificate|verify/),
      hint: expect.stringContaining('certificates'),
    })
  })

  it('must be told where its authority is: a file that there is not is said at once', async () => {
    await expect(start(url('ssl_ca_certs=/not/there.pem'))).rejects.toMatchObject({ code: 'TWQ_CONFIG' })
  })
})

describe('a Redis behind a sentinel', () => {
  it('is found by it, also after another server has taken over', async () => {
    await using first = await startRedis({ args: ['--requirepass', 'pw', '--masterauth', 'pw'] })
    const follow = ['--replicaof', `127.0.0.1 ${first.port}`]
    await using second = await startRedis({ args: ['--requirepass', 'pw', '--masterauth', 'pw', ...follow] })
    await using sentinel = await startSentinel(first.port)
    const resultBackend = `sentinel://:pw@127.0.0.1:${sentinel.port}/0?master_name=main`
    await using scene = await aWorker([add], { resultBackend })
    await using client = createClient({ broker: brokerUrl(), resultBackend, queue: scene.queue })
    expect(await (await client.send(add, { x: 1, y: 2 })).result({ timeout: '60s' })).toBe(3)
    await sentinel.until(new RegExp(`\\+slave .* ${second.port} `))
    await first.stop()
    await sentinel.until(/\+switch-master/)
    expect(await (await client.send(add, { x: 3, y: 4 })).result({ timeout: '120s' })).toBe(7)
  })
})

interface Sentinel extends AsyncDisposable {
  readonly port: number
  until(line: RegExp): Promise<unknown>
}

async function startSentinel(master: number): Promise<Sentinel> {
  const port = await freePort()
  const folder = await mkdtemp(join(tmpdir(), 'twq-sentinel-'))
  const file = join(folder, 'sentinel.conf')
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${folder}`,
    `sentinel monitor main 127.0.0.1 ${master} 1`,
    'sentinel auth-pass main pw',
    'sentinel down-after-milliseconds main 1000',
    'sentinel failover-timeout main 5000',
  ]
  await writeFile(file, `${lines.join('\n')}\n`)
  const program = new Program(await redisCommand(), [file, '--sentinel'])
  await readyOrClosed(program, program.until(/\+monitor master/))
  return {
    port,
    until: (line) => program.until(line),
    async [Symbol.asyncDispose]() {
      await program[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
