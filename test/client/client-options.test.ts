import { once } from 'node:events'
import { Writable } from 'node:stream'
import { describe, expect, it, onTestFinished } from 'vitest'
import { brokerOf } from '../../src/client/client-options.ts'
import { createClient } from '../../src/client/create-client.ts'
import { createLogger } from '../../src/runtime/log/logger.ts'

describe("a client's broker", () => {
  it.each<[string, { broker?: string | undefined }, Record<string, string>, string]>([
    ['what the options say', { broker: 'amqp://given' }, { TWQ_BROKER: 'amqp://ours' }, 'amqp://given'],
    ['else TWQ_BROKER', {}, { TWQ_BROKER: 'amqp://ours', CELERY_BROKER_URL: 'amqp://celery' }, 'amqp://ours'],
    ['else CELERY_BROKER_URL', { broker: undefined }, { TWQ_BROKER: '', CELERY_BROKER_URL: 'amqp://c' }, 'amqp://c'],
    ['else the RabbitMQ of this machine', {}, {}, 'amqp://guest:guest@localhost:5672//'],
  ])('is %s', (_, options, env, url) => {
    expect(brokerOf(options, env)).toBe(url)
  })

  it.each<[unknown, Record<string, string>, RegExp]>([
    [null, {}, /broker must be a URL, got null/],
    [5672, {}, /broker must be a URL, got number/],
    ['http://localhost', {}, /^broker: the broker URL http:\/\/localhost/],
    [undefined, { CELERY_BROKER_URL: 'redis://localhost' }, /^CELERY_BROKER_URL: the broker URL redis:\/\/localhost/],
  ])('can not be %j', (broker, env, message) => {
    const refused = expect.objectContaining({
      code: 'TWQ_CONFIG',
      message: expect.stringMatching(message),
      hint: expect.stringMatching(/amqp/),
    })
    expect(() => brokerOf({ broker: broker as string }, env)).toThrow(refused)
  })

  it('is looked at when the client is made', async () => {
    expect(() => createClient({ broker: 'nonsense' })).toThrow(expect.objectContaining({ code: 'TWQ_CONFIG' }))
    await using client = createClient()
    expect(client).toBeDefined()
  })
})

describe('a Redis for results whose certificate is not verified', () => {
  const options = { broker: 'amqp://localhost', resultBackend: 'rediss://localhost:1?ssl_cert_reqs=none' }

  it('is warned of once by the logger, where there is one', async () => {
    const lines: string[] = []
    const destination = new Writable({
      write(line, _encoding, done) {
        lines.push(String(line))
        done()
      },
    })
    const logger = createLogger({ level: 'warn', format: 'json', fields: {}, destination })
    await using _client = createClient({ ...options, logger })
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({ event: 'tls.unverified', msg: expect.stringMatching(/^ssl_cert_reqs=none/) }),
    ])
  })

  it('else by the process', async () => {
    // Node prints each warning by a listener of its own.
    const printing = process.listeners('warning')
    process.removeAllListeners('warning')
    onTestFinished(() => {
      for (const print of printing) process.on('warning', print)
    })
    const warned = once(process, 'warning')
    await using _client = createClient(options)
    expect(await warned).toEqual([expect.objectContaining({ code: 'TWQ_TLS_UNVERIFIED' })])
  })
})
