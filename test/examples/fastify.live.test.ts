import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClient } from '../../src/client/create-client.ts'
import { anExample, type Example } from '../support/an-example.ts'
import { FastifyApp } from '../support/fastify-app.ts'
import { FaultProxy } from '../support/fault-proxy.ts'
import { Chromium } from '../support/provision/chromium.ts'
import { startRedis } from '../support/provision/redis.ts'
import { brokerUrl } from '../support/services.ts'
import { startTwqWorker, type TwqWorker } from '../support/twq-worker.ts'

// What its README promises, with room for a busy machine: without a limit it would be for ever.
const SOON = 30_000

// For the browser, where there are other globals than here.
const WATCH = `(name) => new Promise((resolve) => {
  const form = document.getElementById(name)
  const [button, output] = [form.querySelector('button'), form.querySelector('output')]
  const texts = []
  const look = () => {
    const bar = output.querySelector('progress')
    const text = output.textContent + (bar ? ' (' + bar.value + '/' + bar.max + ')' : '')
    if (text !== '' && text !== texts.at(-1)) texts.push(text)
    if (!button.disabled) resolve(texts)
  }
  new MutationObserver(look).observe(form, { childList: true, subtree: true, attributes: true })
  button.click()
})`

let example: Example
let worker: TwqWorker
let app: FastifyApp
let chromium: Chromium

beforeAll(async () => {
  example = anExample('fastify')
  const env = { TWQ_BROKER: brokerUrl() }
  worker = await startTwqWorker({ project: example.folder, env })
  app = await FastifyApp.start(example.folder, env)
  chromium = await Chromium.start()
})

afterAll(async () => {
  await chromium?.[Symbol.asyncDispose]()
  await app?.[Symbol.asyncDispose]()
  await worker?.[Symbol.asyncDispose]()
  example?.[Symbol.dispose]()
})

describe('the page of the Fastify example, in a browser', () => {
  /** What a task's form shows from the press of its button to the end: each text once, in order, with the value of its bar. */
  function shown(page: Page, name: string): Promise<string[]> {
    return page.evaluate(`(${WATCH})(${JSON.stringify(name)})`)
  }

  async function aPage(url = app.page): Promise<Page & AsyncDisposable> {
    const context = await chromium.browser.newContext()
    const page = await context.newPage()
    await page.goto(url)
    await page.waitForSelector('#no_such_task button')
    return Object.assign(page, { [Symbol.asyncDispose]: () => context.close() })
  }

  // Who polls sees what there is at that moment: there has to be time enough for some of it.
  it.each([
    ['events', 4],
    ['polling', 12],
  ] as const)('shows progress, results, retries and failures by %s', async (how, rows) => {
    await using page = await aPage()
    const problems: string[] = []
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()))
    page.on('pageerror', (error) => problems.push(error.message))
    await page.check(`[value=${how}]`)
    await page.fill('#greet [name=name]', '<b>Ada</b>')
    await page.fill('#report [name=rows]', String(rows))

    const [greeted, reported, partner, divided, unknown] = await Promise.all([
      shown(page, 'greet'),
      shown(page, 'report'),
      shown(page, 'call_partner'),
      shown(page, 'divide'),
      shown(page, 'no_such_task'),
    ])
    expect(greeted.at(-1)).toBe('done"Hello, <b>Ada</b>!"')
    expect(reported.at(-1)).toMatch(/^donerows\d+filereport-\w{8}\.csv$/)
    const bars = reported.filter((text) => text.includes('/'))
    expect(bars.length).toBeGreaterThan(0)
    for (const bar of bars) expect(bar).toMatch(new RegExp(`^running (\\d+) of ${rows} \\(\\1/${rows}\\)$`))
    if (how === 'events') expect(bars).toHaveLength(rows)
    const retries = partner.filter((text) => text.startsWith('will be tried again'))
    if (how === 'events') expect(retries).toEqual(['will be tried againException: the partner does not answer'])
    expect(partner.at(-1)).toBe('done"answered at attempt 2"')
    expect(divided.at(-1)).toBe("failedRangeError: 1 can't be divided by zero")
    expect(unknown.at(-1)).toContain(
      'No worker knows this task. Its message was kept: npx twq quarantine list shows it.',
    )
    expect(problems).toEqual([])
  })

  it('says within seconds that the broker is away, whether it refuses or is silent, and works again once it is back', async () => {
    await using proxy = await FaultProxy.before(brokerUrl())
    await using cut = await FastifyApp.start(example.folder, { TWQ_BROKER: proxy.through(brokerUrl()) })
    await using page = await aPage(cut.page)
    const sendAgain = async () => {
      let last: string | undefined
      while (last?.includes('Hello, Ada!') !== true) last = (await shown(page, 'greet')).at(-1)
    }
    await sendAgain()
    proxy.refuse()
    proxy.reset()
    expect((await shown(page, 'greet')).at(-1)).toMatch(/^not knownthe broker or the result backend can't be reached: /)
    proxy.heal()
    await sendAgain()
    proxy.blackhole()
    const answers = await Promise.all([1, 2].map(() => cut.post('greet', { name: 'Ada' }, AbortSignal.timeout(SOON))))
    expect(answers.map(({ status }) => status)).toEqual([503, 503])
    expect(await answers[0]?.json()).toEqual({
      error: expect.stringMatching(/^the broker or the result backend can't/),
    })
    proxy.heal()
    await sendAgain()
  })
})

describe('the Fastify example', () => {
  it('compiles in strict mode', () => example.compile())

  it('tells the same to those who poll and to those who listen', async () => {
    const sent = await app.send('report', { rows: 2 })
    const told = await app.events(sent)
    const result = { state: 'SUCCESS', ready: true, value: expect.objectContaining({ rows: 2 }) }
    expect(told).toEqual([
      ['state', { state: 'PROGRESS', ready: false, value: { current: 1, total: 2 } }],
      ['state', { state: 'PROGRESS', ready: false, value: { current: 2, total: 2 } }],
      ['state', result],
    ])
    expect(await app.poll(sent)).toEqual(result)
    // Who comes late is told everything, too.
    expect(await app.events(sent)).toEqual(told)
  })

  it('starts nothing but what its page offers, and nothing with arguments that do not fit', async () => {
    expect((await app.post('celery.backend_cleanup')).status).toBe(404)
    const refused = await app.post('report', { rows: 'many' })
    expect([refused.status, await refused.json()]).toEqual([400, { error: 'body/rows must be integer' }])
    expect((await app.post('report', { rows: 5_000 })).status).toBe(400)
    expect((await app.post('greet', { name: 'Ada', more: 1 })).status).toBe(400)
    for (const path of ['/results/none', '/results/none/events']) expect((await app.fetch(path)).status).toBe(404)
  })

  it('tells of any task where results are kept in a Redis, and with 503 that it is away', async () => {
    await using redis = await startRedis()
    const env = { TWQ_BROKER: brokerUrl(), TWQ_RESULT_BACKEND: redis.url, QUEUE: 'fastify-kept' }
    await using _worker = await startTwqWorker({ project: example.folder, env, args: ['--queues', env.QUEUE] })
    await using kept = await FastifyApp.start(example.folder, env)
    await using sender = createClient({ broker: brokerUrl(), queue: env.QUEUE, resultBackend: redis.url })
    const { id } = await sender.send('greet', { name: 'Ada' })
    expect(await kept.poll({ status: `/results/${id}` })).toMatchObject({ value: 'Hello, Ada!' })
    await redis.stop()
    expect((await kept.fetch('/results/unheard-of', { signal: AbortSignal.timeout(SOON) })).status).toBe(503)
  })

  it('ends on SIGTERM with status 0 while a task is followed: the stream ends, and the task goes on', async () => {
    const sent = await app.send('report', { rows: 10 })
    const stream = await app.fetch(sent.events)
    const [rest, exit] = await Promise.all([stream.text(), app.terminate()])
    expect(exit).toEqual({ code: 0, signal: null })
    expect(rest).not.toContain('SUCCESS')
    expect(await worker.until('task.succeeded', { task_id: sent.id })).toMatchObject({ task: 'report' })
  })
})
