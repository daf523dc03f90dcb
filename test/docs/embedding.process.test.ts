import { join } from 'node:path'
import { expect, it } from 'vitest'
import { startDevBroker } from '../../src/devbroker.ts'
import { blocksOf } from '../readme/blocks.ts'
import { aProject } from '../support/a-project.ts'
import { Program } from '../support/program.ts'
import { freePort } from '../support/provision/free-ports.ts'
import { runTwq } from '../support/run-twq.ts'
import { pollUntil } from '../support/until.ts'

const APP = blocksOf(join(import.meta.dirname, '../../docs/embedding.md')).find(({ text }) =>
  text.startsWith('// app.ts'),
)

it('answers a request whose task no longer runs when the program is told to end, and ends in order', async () => {
  await using broker = await startDevBroker({ port: 0 })
  using project = aProject({ 'app.ts': APP!.text }, { type: 'module', packages: ['tsx'] })
  const port = await freePort()
  const env = { TWQ_BROKER: broker.url, PORT: String(port) }
  const twq = (...args: string[]) => runTwq([...args, '--json'], { cwd: project.folder, env })
  await using program = new Program(process.execPath, ['--import', 'tsx', 'app.ts'], { cwd: project.folder, env })
  await program.until('listening')
  await program.until('worker.ready')

  expect(await twq('control', 'cancel-consumer', 'greetings')).toMatchObject({ status: 0 })
  const answer = fetch(`http://127.0.0.1:${port}/Ada`)
  const waiting = () => twq('queue', 'show', 'greetings')
  await pollUntil('the message of the request', waiting, ({ stdout }) => /"messages_ready":\s*1\b/.test(stdout))
  program.signal('SIGTERM')
  expect((await answer).status).toBe(503)
  expect(await program.exit).toEqual({ code: 0, signal: null })
})
