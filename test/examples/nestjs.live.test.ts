import { expect, it } from 'vitest'
import { createClient } from '../../src/client/create-client.ts'
import { anExample } from '../support/an-example.ts'
import { Program, readyOrClosed } from '../support/program.ts'
import { brokerUrl } from '../support/services.ts'

const TASKS = 90

async function startApp(folder: string): Promise<Program> {
  const app = new Program(process.execPath, ['--import', 'tsx', 'main.ts'], {
    cwd: folder,
    env: { TWQ_BROKER: brokerUrl(), NO_COLOR: '1' },
  })
  await readyOrClosed(app, app.until('worker.ready'))
  return app
}

/** The ids of tasks that the log of an application says this of, each time that it does. */
function told(app: Program, event: string, task: string): string[] {
  return app.lines.entries
    .filter((line) => line.includes(`event: '${event}'`) && line.includes(`task: '${task}'`))
    .map((line) => /task_id: '([^']+)'/.exec(line)?.[1] ?? line)
}

it('the Nest example compiles in strict mode', async () => {
  using example = anExample('nestjs')
  await example.compile()
})

it(`a Nest application drains on SIGTERM: of ${TASKS} tasks all have results, and each has run once`, async () => {
  using example = anExample('nestjs')
  await using client = createClient({ broker: brokerUrl(), queue: 'nestjs-example' })
  const first = await startApp(example.folder)
  await using _first = first
  const handles = await Promise.all(
    Array.from({ length: TASKS }, (_, account) => client.send('invoices.issue', { account, cents: 100 })),
  )
  const results = Promise.all(handles.map((handle) => handle.result({ timeout: '60s' })))
  await first.lines.until(() => told(first, 'task.succeeded', 'invoices.issue').length >= TASKS / 9)
  first.signal('SIGTERM')
  // As Node ends by a signal: Nest raises it once more when everything is closed.
  expect(await first.exit).toEqual({ code: null, signal: 'SIGTERM' })
  expect(told(first, 'task.succeeded', 'invoices.issue').length).toBeLessThan(TASKS)

  await using second = await startApp(example.folder)
  expect(await results).toEqual(
    handles.map(({ id }, account) => ({ invoice: id, name: `customer ${account}`, cents: 100 })),
  )
  // A line is written once the result is with the broker, and so may come after it.
  const succeeded = (task: string) => [first, second].flatMap((app) => told(app, 'task.succeeded', task))
  const both = ['invoices.issue', 'accounts.greet']
  await second.lines.until(() => both.every((task) => succeeded(task).length >= TASKS))
  expect(succeeded('invoices.issue').sort()).toEqual(handles.map(({ id }) => id).sort())
  expect(new Set(succeeded('accounts.greet')).size).toBe(TASKS)
  expect([first, second].flatMap((app) => told(app, 'task.failed', 'invoices.issue'))).toEqual([])
})
