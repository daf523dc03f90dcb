import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { amqpBroker } from '../../src/broker/amqp/amqp-broker.ts'
import { MINORITY, managementApi } from '../../src/queues/management.ts'
import { freePort } from '../support/provision/free-ports.ts'
import { RabbitCluster } from '../support/provision/rabbit-cluster.ts'
import { runTwq } from '../support/run-twq.ts'
import { uniqueName } from '../support/services.ts'
import { pollUntil } from '../support/until.ts'

const queue = uniqueName('three')
let cluster: RabbitCluster
let management: string

beforeAll(async () => {
  const port = await freePort()
  management = `http://127.0.0.1:${port}`
  cluster = await RabbitCluster.start(3, {
    plugins: ['rabbitmq_management'],
    config: { 'management.tcp.ip': '127.0.0.1', 'management.tcp.port': port, collect_statistics_interval: 1_000 },
  })
})

afterAll(() => cluster?.[Symbol.asyncDispose]())

describe('a quorum queue without a majority of its members, with the management API,', () => {
  it('is told by the list of queues and by the doctor', async () => {
    const [first, ...others] = cluster.nodes
    const broker = first?.url() ?? ''
    await using connection = await amqpBroker({ url: broker, heartbeat: 10_000, name: 'test' }).connect()
    await using channel = await connection.openChannel()
    await channel.declareQueue({ name: queue, durable: true, arguments: { 'x-queue-type': 'quorum' } })
    const api = managementApi(management, broker, 60_000)
    const told = async (majority: boolean) => {
      const find = async () => (await api.queues().catch(() => [])).find(({ name }) => name === queue)
      const isSo = (found: Awaited<ReturnType<typeof find>>) =>
        found !== undefined && found.members === 3 && (found.state !== MINORITY) === majority
      await pollUntil(`a majority: ${majority}`, find, isSo)
    }
    const twq = (...command: string[]) =>
      runTwq([...command, '--broker', broker, '--json'], { env: { TWQ_QUEUES: queue, TWQ_MANAGEMENT: management } })

    await told(true)
    expect((await twq('queue', 'list')).status).toBe(0)
    for (const node of others) await node.kill9()
    await told(false)

    const list = await twq('queue', 'list')
    expect(list.status).toBe(69)
    expect(list.stderr).toContain(`too few of their members are there to give or take anything: ${queue}`)
    expect(JSON.parse(list.stdout)).toContainEqual(expect.objectContaining({ name: queue, state: 'minority' }))
    const doctor = await twq('doctor')
    expect(doctor.status).toBe(1)
    expect(doctor.stdout).toContain('too few of its 3 members are there to give or take anything')
    // RabbitMQ 4.3 closes, after half a minute, the connection that has declared something.
    expect(doctor.stdout).not.toContain('closed the connection')
    const ping = await twq('inspect', 'ping')
    expect(ping.status).toBe(69)
    expect(ping.stderr).toMatch(/TWQ_QUEUE_DOWN|TWQ_NO_WORKER/)
  })
})
