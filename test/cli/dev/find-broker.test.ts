import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { amqpBroker } from '../../../src/broker/amqp/amqp-broker.ts'
import { type FoundBroker, findBroker } from '../../../src/cli/dev/find-broker.ts'
import { judgeServer } from '../../../src/cli/doctor/judge-server.ts'
import { resolveWithOrigins } from '../../../src/config/resolve-config.ts'
import { startDevBroker } from '../../../src/devbroker/server.ts'
import { freePort } from '../../support/provision/free-ports.ts'
import { silentLogger } from '../../support/silent-logger.ts'

/** What `twq dev` in a folder works with, where its configuration names this broker. */
function brokerOf(project: string, broker: string, flags = {}): Promise<FoundBroker> {
  const file = { path: `${project}/worker.config.ts`, content: { broker } }
  return findBroker(resolveWithOrigins({ file, baseDir: project, flags }), silentLogger)
}

describe('the built-in broker of twq dev', () => {
  let first: FoundBroker
  let url: string
  beforeAll(async () => {
    url = `amqp://guest:guest@127.0.0.1:${await freePort()}//`
    first = await brokerOf('/projects/first', url)
  })
  afterAll(() => first?.[Symbol.asyncDispose]())

  it('is started where nothing listens, at the address of the configuration', () => {
    expect(first).toMatchObject({ url, embedded: expect.stringContaining('nothing listens'), found: true })
  })

  it('is not shared by another project, which gets one of its own at a port that stays, and says why', async () => {
    const second = await brokerOf('/projects/second', url)
    expect(second.url).not.toBe(url)
    expect(second).toMatchObject({
      found: false,
      embedded: expect.stringMatching(/^127\.0\.0\.1:\d+ is the built-in broker of twq dev in \/projects\/first$/),
    })
    const { port } = new URL(second.url)
    await second[Symbol.asyncDispose]()
    await using again = await brokerOf('/projects/second', url)
    expect(new URL(again.url).port).toBe(port)
  })

  it('is shared within a project, and where it is named, with a remark', async () => {
    const remark = expect.stringContaining('run by another twq dev in /projects/first')
    await using same = await brokerOf('/projects/first', url)
    expect(same).toMatchObject({ url, embedded: undefined, remark })
    await using named = await brokerOf('/projects/second', url, { broker: url })
    expect(named).toMatchObject({ url, embedded: undefined, remark })
  })

  it('is shared when twq broker runs it', async () => {
    await using broker = await startDevBroker()
    await using found = await brokerOf('/projects/second', broker.url)
    expect(found).toMatchObject({
      url: broker.url,
      embedded: undefined,
      remark: 'built in, run by twq broker: not for production',
    })
  })

  it('is called by its name by twq doctor, with a warning', async () => {
    await using connection = await amqpBroker({ url, heartbeat: 0, name: 'test' }).connect()
    expect(judgeServer(connection.server)[0]).toMatchObject({
      status: 'warning',
      what: "twq's built-in broker, of twq dev in /projects/first",
      fix: 'Use RabbitMQ in production',
    })
  })
})
