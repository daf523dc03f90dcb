import { expect, it } from 'vitest'
import { startDevBroker } from '../../../src/devbroker/server.ts'
import { Program } from '../../support/program.ts'
import { cleanEnvironment, runTwq } from '../../support/run-twq.ts'
import { TWQ } from '../../support/worker-process.ts'

it('prints its URL, says what it is not for, takes tasks, and leaves on Ctrl-C', async () => {
  await using broker = new Program(process.execPath, [TWQ, 'broker', '--port', '0'], { env: cleanEnvironment() })
  const url = await broker.output.until((line) => line.startsWith('amqp://'))
  expect(url).toMatch(/^amqp:\/\/guest:guest@127\.0\.0\.1:\d+\/\/$/)
  expect(await broker.until('not for production')).toContain('keeps nothing on disk')
  const { status } = await runTwq(['task', 'send', 'add', '[2, 3]', '--broker', url])
  expect(status).toBe(0)
  broker.signal('SIGINT')
  expect(await broker.exit).toEqual({ code: 0, signal: null })
  expect(broker.output.entries).toEqual([url])
})

it('says that a port is taken, and what to do', async () => {
  await using other = await startDevBroker()
  const { status, stdout, stderr } = await runTwq(['broker', '--port', String(other.port)])
  expect({ status, stdout }).toEqual({ status: 69, stdout: '' })
  expect(stderr).toContain(`error[TWQ_BROKER_UNREACHABLE]: port ${other.port} of 127.0.0.1 is taken`)
  expect(stderr).toContain('Is a RabbitMQ running there?')
  expect(stderr).toContain(`twq broker --port ${other.port + 1}`)
})

it('takes no port that is none', async () => {
  const { status, stderr } = await runTwq(['broker', '--port', '5672x'])
  expect(status).toBe(2)
  expect(stderr).toContain('--port must be a number from 0 to 65535, got "5672x"')
})

it('comes with the package', async () => {
  const { startDevBroker: fromPackage } = await import('twq/devbroker')
  await using broker = await fromPackage()
  expect(broker.url).toContain(`:${broker.port}//`)
})
