import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { amqpBroker } from '../../../src/broker/amqp/amqp-broker.ts'
import { createClient } from '../../../src/client/create-client.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { aWorker } from '../../support/a-worker.ts'
import { Certificates } from '../../support/provision/certificates.ts'
import { freePort } from '../../support/provision/free-ports.ts'
import { type RabbitNode, startRabbit } from '../../support/provision/rabbit.ts'
import { PythonCaller } from '../../support/python-caller.ts'
import { runTwq } from '../../support/run-twq.ts'

const add = defineTask({ name: 'add', positional: ['x', 'y'], run: ({ x, y }: { x: number; y: number }) => x + y })

let certificates: Certificates
let node: RabbitNode
let port: number

/** A RabbitMQ that also listens for TLS, with a certificate of an authority that no system knows. */
beforeAll(async () => {
  certificates = await Certificates.make()
  port = await freePort()
  const { ca, certificate, key } = certificates
  const files = { cacertfile: ca, certfile: certificate, keyfile: key }
  const options = Object.entries(files).map(([name, file]) => [`ssl_options.${name}`, file])
  node = await startRabbit({ config: { 'listeners.ssl.1': `127.0.0.1:${port}`, ...Object.fromEntries(options) } })
})

afterAll(async () => {
  await node?.[Symbol.asyncDispose]()
  await certificates?.[Symbol.asyncDispose]()
})

function url(query: string): string {
  return `amqps://guest:guest@localhost:${port}/%2F?${query}`
}

describe('a RabbitMQ that speaks TLS', () => {
  it('carries the tasks of a worker, and those of a client', async () => {
    const broker = url(`cacertfile=${certificates.ca}`)
    await using scene = await aWorker([add], { broker })
    await using client = createClient({ broker, queue: scene.queue })
    await using caller = await PythonCaller.start({ broker: node.url(), queue: scene.queue })
    expect(await caller.get(await caller.sendTask('add', [2, 3]))).toBe(5)
    expect(await (await client.send(add, { x: 4, y: 5 })).result({ timeout: '60s' })).toBe(9)
  })

  it.each([
    ['a stranger vouches for it', () => `cacertfile=${certificates.stranger}`],
    ['nobody vouches for it', () => ''],
  ])('is not trusted where %s', async (_title, query) => {
    const broker = amqpBroker({ url: url(query()), heartbeat: 10_000, name: 'test' })
    await expect(broker.connect()).rejects.toMatchObject({
      code: 'TWQ_BROKER_TLS',
      message: expect.stringMatching(/certificate of .*localhost/),
      hint: expect.stringContaining('cacertfile='),
    })
  })

  it('asks for the certificate of a client, which the URL names', async () => {
    const { ca, certificate, key } = certificates
    const asking = await freePort()
    const options = {
      cacertfile: ca,
      certfile: certificate,
      keyfile: key,
      verify: 'verify_peer',
      fail_if_no_peer_cert: true,
    }
    const config = Object.fromEntries(
      Object.entries(options).map(([name, value]) => [`ssl_options.${name}`, String(value)]),
    )
    await using strict = await startRabbit({ config: { 'listeners.ssl.1': `127.0.0.1:${asking}`, ...config } })
    const connect = async (query: string) => {
      const broker = amqpBroker({
        url: `amqps://guest:guest@localhost:${asking}/%2F?${query}`,
        heartbeat: 0,
        name: 'test',
      })
      await using connection = await broker.connect()
      return connection.server.product
    }
    expect(await connect(`cacertfile=${ca}&certfile=${certificate}&keyfile=${key}`)).toBe('RabbitMQ')
    expect(await connect(`ssl_ca_certs=${ca}&ssl_certfile=${certificate}&ssl_keyfile=${key}`)).toBe('RabbitMQ')
    await expect(connect(`cacertfile=${ca}`)).rejects.toThrow()
    expect(strict.url()).toContain('amqp://')
  })

  it('is examined by twq doctor, which says what is wrong with an authority', async () => {
    const examine = (query: string) => runTwq(['doctor', '--broker', url(query), '--json'])
    const [trusted, strange] = await Promise.all([
      examine(`cacertfile=${certificates.ca}`),
      examine(`cacertfile=${certificates.stranger}`),
    ])
    expect(trusted.stdout).toContain('RabbitMQ')
    expect(trusted.stdout + trusted.stderr).not.toContain('certificate')
    expect(strange.status).not.toBe(0)
    expect(strange.stdout + strange.stderr).toMatch(/not signed by an authority known here/)
  })
})
