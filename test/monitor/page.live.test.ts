import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClient } from '../../src/client/create-client.ts'
import type { FailedList } from '../../src/monitor/answers/failed.ts'
import type { TaskDetail, TaskList } from '../../src/monitor/answers/tasks.ts'
import { aProject, type Project } from '../support/a-project.ts'
import { FaultProxy } from '../support/fault-proxy.ts'
import { Chromium } from '../support/provision/chromium.ts'
import { brokerUrl } from '../support/services.ts'
import { TwqMonitor } from '../support/twq-monitor.ts'
import { startTwqWorker, type TwqWorker } from '../support/twq-worker.ts'
import { pollUntil } from '../support/until.ts'

const TASKS = `import { once } from 'node:events'
import { defineTask } from 'twq'
export const add = defineTask({ name: 'math.add', positional: ['x', 'y'], run: ({ x, y }) => x + y })
export const divide = defineTask({ name: 'math.divide', positional: ['x', 'y'], run({ x, y }) {
  if (y === 0) throw new RangeError("<b>can't</b> divide by zero")
  return x / y
} })
const numbers = { '~standard': { version: 1, vendor: 'test', validate: (value) =>
  typeof value.x === 'number' ? { value: { x: value.x } } : { issues: [{ message: 'must be a number', path: ['x'] }] } } }
export const root = defineTask({ name: 'math.root', schema: numbers, run({ x }) {
  if (x < 0) throw new RangeError('no root')
  return Math.sqrt(x)
} })
export const hold = defineTask({ name: 'hold', async run(_args, ctx) {
  await once(ctx.signal, 'abort')
  throw ctx.signal.reason
} })
`
const SCHEDULES = { yearly: { task: 'math.add', cron: '0 0 1 1 *', args: [1, 2] } }
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const USERS = 'ada correct-horse-battery view,retry,edit,schedule\nbob battery-horse-correct view\n'

const client = createClient({ broker: brokerUrl(), resultBackend: 'none' })
let project: Project
let worker: TwqWorker
let monitor: TwqMonitor
let guarded: TwqMonitor
let chromium: Chromium

beforeAll(async () => {
  const broker = brokerUrl()
  worker = await startTwqWorker({ tasks: TASKS, config: { schedules: SCHEDULES }, broker, args: ['-E'] })
  project = aProject({ users: USERS, 'tasks.js': TASKS, 'worker.config.js': "export default { tasks: ['tasks.js'] }" })
  const config = join(project.folder, 'worker.config.js')
  monitor = await TwqMonitor.start(['--broker', broker, '--config', config, '--allow-control'])
  guarded = await TwqMonitor.start([
    '--broker',
    broker,
    '--auth',
    join(project.folder, 'users'),
    '--allow-control',
    '--base-path',
    '/twq',
  ])
  chromium = await Chromium.start()
})

afterAll(async () => {
  await chromium?.[Symbol.asyncDispose]()
  await guarded?.[Symbol.asyncDispose]()
  await monitor?.[Symbol.asyncDispose]()
  await worker?.[Symbol.asyncDispose]()
  project?.[Symbol.dispose]()
  await client.close()
})

/** A page, with what its console complained of. */
async function aPage(url: string): Promise<Page & AsyncDisposable & { readonly problems: string[] }> {
  const context = await chromium.browser.newContext()
  const page = await context.newPage()
  const problems: string[] = []
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()))
  page.on('pageerror', (error) => problems.push(error.message))
  await page.goto(url)
  return Object.assign(page, { problems, [Symbol.asyncDispose]: () => context.close() })
}

/** What axe finds that is serious or worse. The policy of the page lets no script in but its own: the driver goes past it. */
async function seriousProblems(page: Page): Promise<string[]> {
  await page.evaluate(AXE)
  const { violations } = (await page.evaluate('axe.run()')) as {
    violations: { id: string; impact: string; nodes: { html: string }[] }[]
  }
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
}

async function seen(id: string, state: string): Promise<TaskDetail> {
  const task = await pollUntil(
    `task ${id} is ${state}`,
    () => monitor.get<TaskDetail>(`/api/tasks/${id}`).catch(() => undefined),
    (answer) => answer?.state === state,
  )
  return task as TaskDetail
}

describe('the page of twq monitor', () => {
  it('has nothing serious against it in any view, and its console is silent', async () => {
    const { id } = await client.send('math.divide', [1, 0])
    await client.send('no.such.task', [1])
    await seen(id, 'FAILURE')
    await using page = await aPage(monitor.url)
    const views = ['', 'workers', 'tasks', `tasks/${id}`, 'queues', 'failed', 'quarantine', 'schedules', 'audit']
    const found: string[] = []
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      for (const view of views) {
        await page.goto(`${monitor.url}/${view}`)
        await page.waitForSelector('main .card, main .empty')
        found.push(...(await seriousProblems(page)).map((problem) => `${view} in ${colorScheme}: ${problem}`))
      }
    }
    expect(found).toEqual([])
    expect(page.problems).toEqual([])
  })

  it('shows what a task was called with, what came of it, and never as markup', async () => {
    const { id } = await client.send('math.divide', ['<img src=x onerror=alert(1)>', 0])
    await seen(id, 'FAILURE')
    await using page = await aPage(`${monitor.url}/tasks/${id}`)
    await page.waitForSelector('h2 >> text=math.divide')
    const text = await page.innerText('main')
    expect(text).toContain('<img src=x onerror=alert(1)>')
    expect(text).toContain("<b>can't</b> divide by zero")
    expect(text).toContain('Traceback')
    expect(await page.locator('main img, main b').count()).toBe(0)
  })

  it('filters tasks by what is in its address', async () => {
    const [added, divided] = await Promise.all([client.send('math.add', [20, 22]), client.send('math.divide', [1, 0])])
    await Promise.all([seen(added.id, 'SUCCESS'), seen(divided.id, 'FAILURE')])
    await using page = await aPage(`${monitor.url}/tasks?name=math.*`)
    await page.waitForSelector(`a[href="/tasks/${added.id}"]`)
    await page.selectOption('label:has-text("State") select', 'FAILURE')
    await page.waitForSelector(`a[href="/tasks/${added.id}"]`, { state: 'detached' })
    expect(await page.locator(`a[href="/tasks/${divided.id}"]`).count()).toBe(1)
    expect(new URL(page.url()).search).toBe('?state=FAILURE&name=math.*')
    await page.fill('input[placeholder^="id"]', divided.id)
    await page.waitForSelector('tbody tr:nth-child(2)', { state: 'detached' })
  })

  it('follows a running task live, and ends it', async () => {
    const { id } = await client.send('hold', [])
    await using page = await aPage(`${monitor.url}/tasks/${id}`)
    await page.waitForSelector('.state >> text=STARTED')
    await page.click('button >> text=Terminate')
    await page.click('dialog button.danger')
    await page.waitForSelector('.state >> text=REVOKED')
    await page.goto(`${monitor.url}/audit`)
    await page.waitForSelector(`td >> text=terminate`)
  })

  it('runs a schedule now, and pauses it', async () => {
    await using page = await aPage(`${monitor.url}/schedules`)
    await page.click('button[aria-label="Run now: yearly"]')
    await page.waitForSelector('.notice >> text=yearly: applied.')
    await page.click('button[aria-label="Pause: yearly"]')
    await page.waitForSelector('button[aria-label="Resume: yearly"]')
    await page.click('button[aria-label="Resume: yearly"]')
    await page.waitForSelector('button[aria-label="Pause: yearly"]')
    const { tasks } = await pollUntil(
      'the task of the schedule',
      () => monitor.get<TaskList>('/api/tasks?name=math.add&text=(1,%202)'),
      ({ tasks: found }) => found.some(({ state }) => state === 'SUCCESS'),
    )
    expect(tasks.length).toBeGreaterThan(0)
  })

  it('runs what was set aside again, and drops it, after it has asked', async () => {
    const { id } = await client.send('no.such.task', ['dropped'])
    await seen(id, 'FAILURE')
    await using page = await aPage(`${monitor.url}/quarantine?queue=celery`)
    const choice = `input[aria-label="Select no.such.task ${id}"]`
    await page.click('button >> text=Look again')
    await page.check(choice)
    const from = worker.log.entries.length
    await page.click('.bar button >> text=Run again')
    await page.waitForSelector('.notice >> text=1 message published again.')
    // No worker knows it this time either.
    await worker.log.until((record) => record.task_id === id, { from })
    await page.reload()
    await page.check(choice)
    await page.click('.bar button >> text=Drop')
    await page.click('dialog button.danger')
    await page.waitForSelector('.notice >> text=1 message dropped.')
    await page.waitForSelector(choice, { state: 'detached' })
  })

  it('runs a failed task again, also with other arguments, and drops one after it has asked', async () => {
    const [{ id }, dropped] = [await client.send('math.divide', [84, 0]), await client.send('math.divide', [1, 0])]
    await Promise.all([seen(id, 'FAILURE'), seen(dropped.id, 'FAILURE')])
    await using page = await aPage(`${monitor.url}/failed?queue=celery`)
    const choice = (task: string) => `input[aria-label="Select math.divide ${task}"]`
    await page.check(choice(id))
    const from = worker.log.entries.length
    await page.click('.bar button >> text=Run again')
    await page.waitForSelector('.notice >> text=1 task sent again.')
    await worker.log.until((record) => record.event === 'task.failed' && record.task_id === id, { from })
    await page.reload()
    const row = page.locator('tbody tr', { has: page.locator(choice(id)) })
    await row.locator('summary').click()
    await row.locator('button >> text=Edit and run again').click()
    await page.fill('dialog textarea', '{"args": [84, 0')
    expect(await page.isDisabled('dialog button >> text=Run again')).toBe(true)
    await page.fill('dialog textarea', '{"args": [84, 2], "kwargs": {}}')
    await page.click('dialog button >> text=Run again')
    await seen(id, 'SUCCESS')
    await page.waitForSelector(choice(id), { state: 'detached' })
    await page.check(choice(dropped.id))
    await page.click('.bar button >> text=Drop')
    await page.click('dialog button.danger')
    await page.waitForSelector('.notice >> text=1 task dropped.')
    await page.waitForSelector(choice(dropped.id), { state: 'detached' })
    expect(page.problems).toEqual([])
  })

  it('checks edited arguments against the schema of the task, and says where none is known', async () => {
    const { id } = await client.send('math.root', { x: -1 })
    await seen(id, 'FAILURE')
    const [known, unknown] = await Promise.all([
      monitor.get<FailedList>('/api/failed?queue=celery'),
      guarded.get<FailedList>('/api/failed?queue=celery', { authorization: 'Bearer correct-horse-battery' }),
    ])
    const checkedBy = ({ messages }: FailedList) => messages.find((one) => one.id === id)?.checkedBy
    expect([known, unknown].map(checkedBy)).toEqual(['schema', undefined])
    await using page = await aPage(`${monitor.url}/failed?queue=celery`)
    const row = page.locator('tbody tr', { hasText: id })
    const edit = async (text: string): Promise<void> => {
      await row.locator('summary').click()
      await row.locator('button >> text=Edit and run again').click()
      await page.waitForSelector('#edit-objection >> text=checked against the schema of the task')
      await page.fill('dialog textarea', text)
      await page.click('dialog button >> text=Run again')
    }
    await edit('{"args": [], "kwargs": {"x": "four"}}')
    await page.waitForSelector('.notice.bad >> text=x: must be a number')
    await page.reload()
    await edit('{"args": [], "kwargs": {"x": 4}}')
    expect((await seen(id, 'SUCCESS')).result?.text).toBe('2')
  })

  it('asks for nothing that the stream tells of, and every few seconds once the stream is gone', async () => {
    await using passing = await TwqMonitor.start(['--broker', brokerUrl()])
    await using page = await aPage('about:blank')
    const asked: string[] = []
    page.on('request', (request) => asked.push(new URL(request.url()).pathname))
    // The page's own clock: minutes pass in no time.
    await page.clock.install()
    await page.goto(passing.url)
    await page.waitForSelector('.live-live')
    await page.waitForSelector('.charts canvas')
    const before = asked.filter((path) => path === '/api/series').length
    for (let minute = 0; minute < 20; minute++) {
      await page.clock.runFor(60_000)
      await page.evaluate('fetch("/api/session")')
    }
    expect(asked.filter((path) => path === '/api/series').length - before).toBeLessThan(10)
    passing.program.signal('SIGKILL')
    await page.waitForSelector('.live-polling')
    const polled = page.waitForRequest((request) => request.url().endsWith('/api/overview'))
    await page.clock.runFor(60_000)
    await polled
  })

  it('says in every view that the broker is away, and no longer once it is back', async () => {
    await using proxy = await FaultProxy.before(brokerUrl())
    await using cut = await TwqMonitor.start(['--broker', proxy.through(brokerUrl())])
    await using page = await aPage(`${cut.url}/workers`)
    await page.waitForSelector('tbody >> text=online')
    proxy.refuse()
    proxy.reset()
    for (const view of ['workers', '', 'tasks', 'failed', 'audit']) {
      if (view !== 'workers') await page.goto(`${cut.url}/${view}`)
      await page.waitForSelector('[role=alert] >> text=No connection to the broker')
    }
    proxy.heal()
    await page.waitForSelector('[role=alert]', { state: 'detached' })
  })

  it('is used with the keyboard alone', async () => {
    await using page = await aPage(monitor.url)
    await page.waitForSelector('main .card')
    await page.keyboard.press('Tab')
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the content')
    for (const expected of ['twq monitor', 'Overview', 'Workers']) {
      await page.keyboard.press('Tab')
      expect(await page.evaluate('document.activeElement.textContent.trim()')).toBe(expected)
    }
    await page.keyboard.press('Enter')
    await page.waitForSelector('h1 >> text=Workers')
    expect(await page.evaluate('document.activeElement.id')).toBe('main')
  })

  it('fits a phone: nothing is wider than the screen', async () => {
    await using page = await aPage(monitor.url)
    await page.setViewportSize({ width: 390, height: 844 })
    for (const view of ['', 'workers', 'tasks', 'queues', 'failed', 'quarantine', 'schedules', 'audit']) {
      await page.goto(`${monitor.url}/${view}`)
      await page.waitForSelector('main .card, main .empty')
      const isWider = await page.evaluate('document.documentElement.scrollWidth > 390')
      expect([view, isWider]).toEqual([view, false])
    }
  })

  it.each(['workers', 'queues'])('leaves room behind the last column of %s on a phone', async (view) => {
    await using page = await aPage(monitor.url)
    await page.setViewportSize({ width: 390, height: 844 })
    await page.goto(`${monitor.url}/${view}`)
    await page.waitForSelector('main tbody tr')
    const room = await page.evaluate(`[...document.querySelectorAll('main tr')].map((row) => {
      const [last] = [...row.cells].filter((cell) => cell.offsetWidth > 0).reverse()
      return parseFloat(getComputedStyle(last).paddingRight)
    })`)
    expect(new Set(room as number[])).toEqual(new Set([12]))
  })
})

describe('twq monitor --auth', () => {
  async function entered(name: string, secret: string) {
    const page = await aPage(guarded.url)
    await page.waitForSelector('form')
    await page.fill('[name=name]', name)
    await page.fill('[name=secret]', secret)
    await page.click('button[type=submit]')
    return page
  }

  it('lets in who has a name and a secret, and out again', async () => {
    await using page = await entered('ada', 'correct-horse-battery')
    await page.waitForSelector('.tiles')
    const [cookie] = await page.context().cookies()
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict', path: '/twq' })
    expect(page.url()).toBe(`${guarded.url}/`)
    await page.click('button >> text=Log out')
    await page.waitForSelector('[name=secret]')
    await page.goto(`${guarded.url}/tasks`)
    await page.waitForSelector('[name=secret]')
  })

  it('lets nobody in with a secret that is wrong', async () => {
    await using page = await entered('ada', 'battery-horse-correct')
    await page.waitForSelector('[role=alert] >> text=do not belong together')
    expect(await page.context().cookies()).toEqual([])
  })

  it('offers nothing to who has only the right to look, and refuses it', async () => {
    await using page = await entered('bob', 'battery-horse-correct')
    await page.waitForSelector('.tiles')
    await page.goto(`${guarded.url}/schedules`)
    await page.waitForSelector('tbody th >> text=yearly')
    expect(await page.locator('main button').count()).toBe(0)
    const status = await page.evaluate(`(async () => {
      const { csrf } = await (await fetch('/twq/api/session')).json()
      const headers = { 'content-type': 'application/json', 'x-twq-csrf': csrf }
      const body = JSON.stringify({ name: 'yearly' })
      return (await fetch('/twq/api/schedules/trigger', { method: 'POST', headers, body })).status
    })()`)
    expect(status).toBe(403)
  })
})
