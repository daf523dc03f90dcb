import { cpus, totalmem } from 'node:os'
import amqp from 'amqplib'
import type { Arena } from './arena.ts'

/** One line that describes the machine: `2 × AMD EPYC, 24 GB, Node v20.20.2, RabbitMQ 3.10.8, 5 rounds of 60,000`. */
export async function machine({ url, rounds, drained }: Arena): Promise<string> {
  const connection = await amqp.connect(url)
  const { product, version } = connection.connection.serverProperties
  await connection.close()
  const [processor] = cpus()
  return [
    `${cpus().length} × ${processor?.model.trim() ?? 'unknown processor'}`,
    `${Math.round(totalmem() / 2 ** 30)} GB`,
    `Node ${process.version}`,
    `${product} ${version}`,
    `${rounds} rounds of ${drained.toLocaleString('en')}`,
  ].join(', ')
}
