import { expect, it } from 'vitest'
import { createClient } from '../../../src/client/create-client.ts'
import { startDevBroker } from '../../../src/devbroker/server.ts'
import { aProject } from '../../support/a-project.ts'
import { startPython } from '../../support/python.ts'
import { TWQ } from '../../support/worker-process.ts'

it('takes keys on a terminal: help, reload, the last task again, what was set aside, and quit', async () => {
  await using broker = await startDevBroker()
  using project = aProject({})
  const command = ['terminal.py', process.execPath, TWQ, 'dev', '--cwd', project.folder, '--broker', broker.url]
  await using dev = await startPython(command, { broker: broker.url, env: { NO_COLOR: '1' } }, { stdin: 'pipe' })
  await dev.until(/ready in \d+ ms: add {2}\(h for help\)/)
  const press = (key: string, answer: string | RegExp): Promise<string> => {
    const from = dev.lines.entries.length
    dev.write(key)
    return dev.lines.until((line) => (typeof answer === 'string' ? line.includes(answer) : answer.test(line)), { from })
  }
  await press('h', 's  send the last task again')
  await press('s', 'no task has run yet')
  await press('d', 'nothing in celery.quarantine')

  const client = createClient({ broker: broker.url })
  const sum = await client.send('add', [2, 3])
  expect(await sum.result()).toBe(5)
  await dev.until('add(2, 3) = 5')
  await press('s', 'add(2, 3) = 5')

  await client.send('nobody', [])
  await press('r', /ready: add/)
  await dev.until('nobody')
  await press('d', /nobody .*NotRegistered|NotRegistered.*nobody/)
  await client.close()
  dev.write('q')
  expect(await dev.exit).toMatchObject({ code: 0 })
})
