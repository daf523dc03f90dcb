import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createClient } from '../../src/client/create-client.ts'
import type { Overview } from '../../src/monitor/answers/cluster.ts'
import type { FailedList } from '../../src/monitor/answers/failed.ts'
import { aProject, type Project } from '../support/a-project.ts'
import { Chromium } from '../support/provision/chromium.ts'
import { brokerUrl } from '../support/services.ts'
import { TwqMonitor } from '../support/twq-monitor.ts'
import { startTwqWorker, type TwqWorker } from '../support/twq-worker.ts'
import { pollUntil } from '../support/until.ts'

const TASKS = `import { defineTask } from 'twq'
export const wordless = defineTask({ name: 'reports.wordless', run() {
  throw new Error('x'.repeat(4_000))
} })
`
const PHONE = { viewport: { width: 390, height: 844 } }
const WIDE = { viewport: { width: 1280, height: 800 } }

const client = createClient({ broker: brokerUrl(), resultBackend: 'none' })
let project: Project
let worker: TwqWorker
let monitor: TwqMonitor
let chromium: Chromium

beforeAll(async () => {
  worker = await startTwqWorker({ tasks: TASKS, broker: brokerUrl(), args: ['-E'] })
  project = aProject({ users: 'ada correct-horse-battery view,retry\n' })
  monitor = await TwqMonitor.start(['--broker', brokerUrl()])
  chromium = await Chromium.start()
  await client.send('reports.wordless', [])
  await worker.until('task.failed')
})

afterAll(async () => {
  await chromium?.[Symbol.asyncDispose]()
  await monitor?.[Symbol.asyncDispose]()
  await worker?.[Symbol.asyncDispose]()
  project?.[Symbol.dispose]()
  await client.close()
})

async function aPage(url: string, options: BrowserContextOptions = WIDE): Promise<Page & AsyncDisposable> {
  const context = await chromium.browser.newContext(options)
  const page = await context.newPage()
  await page.goto(url)
  return Object.assign(page, { [Symbol.asyncDispose]: () => context.close() })
}

function guarded(): Promise<TwqMonitor> {
  const users = join(project.folder, 'users')
  return TwqMonitor.start(['--broker', brokerUrl(), '--base-path', '/twq', '--auth', users])
}

async function logIn(page: Page): Promise<void> {
  await page.fill('[name=name]', 'ada')
  await page.fill('[name=secret]', 'correct-horse-battery')
  await page.click('button[type=submit]')
}

it('leads from the login to the view that was asked for', async () => {
  await using own = await guarded()
  await using page = await aPage(`${own.url}/tasks?state=FAILURE`)
  await logIn(page)
  await page.waitForURL(`${own.url}/tasks?state=FAILURE`)
})

it('opens a link of another site for who is logged in, though a browser sends no cookie with it', async () => {
  await using own = await guarded()
  const link = `<a href="${own.url}/tasks?state=FAILURE">failures</a>`
  const chat = createServer((_request, response) => response.setHeader('content-type', 'text/html').end(link))
  await new Promise<void>((resolve) => chat.listen(0, '127.0.0.1', resolve))
  try {
    await using page = await aPage(own.url)
    await logIn(page)
    await page.waitForSelector('.tiles')
    await page.goto(`http://localhost:${(chat.address() as AddressInfo).port}/`)
    await page.click('a')
    await page.waitForURL(`${own.url}/tasks?state=FAILURE`)
    await page.waitForSelector('h1 >> text=Tasks')
  } finally {
    chat.close()
  }
})

it.each([
  '//evil.example/',
  '/\\evil.example/',
  '/\t/evil.example/',
  'https://evil.example/',
  '@evil.example/',
  '.evil.example',
])('leads from the login to no other site: %s', async (to) => {
  await using own = await TwqMonitor.start(['--broker', brokerUrl(), '--auth', join(project.folder, 'users')])
  await using page = await aPage(`${own.url}/login?${new URLSearchParams({ to })}`)
  await logIn(page)
  await page.waitForSelector('nav')
  expect(new URL(page.url()).origin).toBe(own.url)
})

it('has a stream while it is seen, and none while another tab is', async () => {
  await using page = await aPage(monitor.url)
  await page.waitForSelector('.live-live')
  const visibility = (isHidden: boolean) =>
    page.evaluate(`Object.defineProperty(document, 'hidden', { configurable: true, value: ${isHidden} })
      document.dispatchEvent(new Event('visibilitychange'))`)
  const streams = { begun: 0, ended: 0 }
  const isStream = (url: string) => url.endsWith('/api/stream')
  page.on('request', (request) => isStream(request.url()) && streams.begun++)
  page.on('requestfailed', (request) => isStream(request.url()) && streams.ended++)
  const ended = page.waitForEvent('requestfailed', (request) => isStream(request.url()))
  await visibility(true)
  await ended
  await page.waitForSelector('.live-connecting')
  expect(streams).toEqual({ begun: 0, ended: 1 })
  await visibility(false)
  await page.waitForSelector('.live-live')
  expect(streams).toEqual({ begun: 1, ended: 1 })
})

it('says of an address that is malformed that nothing is known of it', async () => {
  await using page = await aPage(`${monitor.url}/tasks/%E0%A4%A`)
  await page.waitForSelector('.empty >> text=Nothing is known of this task')
})

it('counts the failures that it lists, also of a queue that was just made', async () => {
  const { queues } = await pollUntil(
    'the failure',
    () => monitor.get<FailedList>('/api/failed?queue=celery'),
    ({ messages }) => messages.length > 0,
  )
  expect(queues).toContainEqual({ name: 'celery', ready: 1 })
})

it('leaves room for the name of a task beside an error without spaces', async () => {
  await using page = await aPage(`${monitor.url}/failed?queue=celery`)
  const name = page.locator('tbody .row-name')
  await name.waitFor()
  expect((await name.boundingBox())?.height).toBeLessThan(30)
})

it('shows on a phone why a task failed', async () => {
  await using page = await aPage(`${monitor.url}/failed?queue=celery`, PHONE)
  await page.click('summary')
  await page.waitForSelector('dt >> text=Failed on')
  expect(await page.evaluate('document.documentElement.scrollWidth > 390')).toBe(false)
})

it('tells all times in the zone of the browser', async () => {
  await using page = await aPage(`${monitor.url}/failed?queue=celery`, { ...WIDE, timezoneId: 'Asia/Kathmandu' })
  const time = page.locator('tbody time')
  const at = new Date((await time.getAttribute('datetime')) ?? '')
  const local = at.toLocaleTimeString('en-GB', { timeZone: 'Asia/Kathmandu' })
  expect(await time.textContent()).toContain(local)
})

it('acts on a page that was loaded before the monitor was started again', async () => {
  const options = ['--broker', brokerUrl(), '--allow-control']
  await using first = await TwqMonitor.start(options)
  await using page = await aPage(`${first.url}/failed?queue=celery`)
  await page.check('input[aria-label="Select all"]')
  await first[Symbol.asyncDispose]()
  await using again = await TwqMonitor.start([...options, '--listen', new URL(first.url).host])
  await pollUntil(
    'it is connected',
    () => again.get<Overview>('/api/overview'),
    ({ broker }) => broker.state === 'connected',
  )
  await page.click('.bar button >> text=Run again')
  await page.waitForSelector('.notice >> text=1 task sent again.')
})
