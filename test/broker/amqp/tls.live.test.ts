import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, connect } from 'node:net'
import { createServer, type Server } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { amqpBroker } from '../../../src/broker/amqp/amqp-broker.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { aWorker } from '../../support/a-worker.ts'
import { Certificates } from '../../support/provision/certificates.ts'
import { PythonCaller } from '../../support/python-caller.ts'
import { brokerUrl } from '../../support/services.ts'

const add = defineTask({ name: 'add', positional: ['x', 'y'], run: ({ x, y }: { x: number; y: number }) => x + y })

let certificates: Certificates
let front: Server

/** RabbitMQ behind one who speaks TLS, as it stands behind a load balancer. */
beforeAll(async () => {
  certificates = await Certificates.make()
  const broker = new URL(brokerUrl())
  const files = { cert: readFileSync(certificates.certificate), key: readFileSync(certificates.key) }
  front = createServer(files, (secure) => {
    const plain = connect(Number(broker.port), broker.hostname)
    secure.on('error', () => plain.destroy()).on('close', () => plain.destroy())
    plain.on('error', () => secure.destroy()).on('close', () => secure.destroy())
    secure.pipe(plain).pipe(secure)
  }).listen(0, '127.0.0.1')
  front.on('tlsClientError', () => {})
  await once(front, 'listening')
})

afterAll(async () => {
  front?.close()
  await certificates?.[Symbol.asyncDispose]()
})

function url(query: string): string {
  const secured = brokerUrl().replace(/^amqp:/, 'amqps:')
  const { port } = front.address() as AddressInfo
  return `${secured.replace(/:\d+\//, `:${port}/`)}?${query}`
}

describe('a broker with TLS', () => {
  it('carries the tasks of a worker', async () => {
    await using scene = await aWorker([add], { broker: url(`cacertfile=${certificates.ca}`) })
    await using caller = await PythonCaller.start({ broker: brokerUrl(), queue: scene.queue })
    expect(await caller.get(await caller.sendTask('add', [2, 3]))).toBe(5)
  })

  it.each([
    ['a stranger vouches for it', () => `cacertfile=${certificates.stranger}`],
    ['nobody vouches for it', () => ''],
  ])('is not trusted where %s', async (_title, query) => {
    const broker = amqpBroker({ url: url(query()), heartbeat: 10_000, name: 'test' })
    await expect(broker.connect()).rejects.toThrow(/certificate|verify/)
  })
})
