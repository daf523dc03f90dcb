import { expect, it } from 'vitest'
import { answersAmqp } from './amqp-port.ts'
import { startRabbit } from './rabbit.ts'

it('a node of our own crashes, comes back, freezes and stops as told', async () => {
  await using node = await startRabbit({ config: { consumer_timeout: 12_345 } })
  expect(await node.ctl('eval', 'application:get_env(rabbit, consumer_timeout).')).toContain('12345')

  await node.addVhosts(['kept'])
  await node.kill9()
  expect(await answersAmqp(node.port)).toBe(false)
  await node.startAgain()
  expect(await node.ctl('list_vhosts')).toContain('kept')

  node.pause()
  expect(await answersAmqp(node.port, '127.0.0.1', 500)).toBe(false)
  node.resume()
  expect(await answersAmqp(node.port)).toBe(true)

  await node.stop()
  expect(await answersAmqp(node.port)).toBe(false)
})
