import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DjangoSite } from '../support/django-site.ts'
import { FaultProxy } from '../support/fault-proxy.ts'
import type { Program } from '../support/program.ts'
import { readyOrClosed } from '../support/program.ts'
import { runTwq } from '../support/run-twq.ts'
import { brokerUrl } from '../support/services.ts'
import { startTwqWorker, type TwqWorker } from '../support/twq-worker.ts'

let proxy: FaultProxy
let site: DjangoSite
let celery: Program
let worker: TwqWorker

beforeAll(async () => {
  proxy = await FaultProxy.before(brokerUrl())
  site = await DjangoSite.start(proxy.through(brokerUrl()))
  ;[celery, worker] = await Promise.all([
    startCelery(),
    startTwqWorker({ project: site.example.folder, env: { TWQ_BROKER: brokerUrl() } }),
  ])
})

afterAll(async () => {
  await worker?.[Symbol.asyncDispose]()
  await celery?.[Symbol.asyncDispose]()
  await site?.[Symbol.asyncDispose]()
  await proxy?.[Symbol.asyncDispose]()
})

/** As its README starts it; with the broker itself, which the site may lose. */
async function startCelery(): Promise<Program> {
  const command = ['-m', 'celery', '-b', brokerUrl(), '-A', 'shop', 'worker', '--queues', 'shop', '--loglevel', 'info']
  const program = site.python(...command)
  await readyOrClosed(program, program.until(/celery@\S+ ready/))
  return program
}

describe('the Django example', () => {
  it('compiles', async () => {
    await site.example.compile()
  })

  it('has its orders invoiced in TypeScript, and kept by Python', async () => {
    const path = await site.order({ customer: 'Grace', country: 'SE', cents: '1000' })
    const { id, invoice } = await site.until(path, 'invoiced')
    expect(invoice.replaceAll('\u00a0', ' ')).toMatch(
      new RegExp(`^Invoice R-${id} for Grace: .*10[.,]00.* \\+ 25 % VAT = .*12[.,]50`),
    )
    expect(await (await fetch(site.page)).text()).toContain(`Invoice R-${id} for Grace`)
  })

  it('sends nothing for an order that is not valid', async () => {
    const response = await site.post({ customer: '', country: 'DE', cents: '-1' })
    expect([response.status, Object.keys(((await response.json()) as { errors: object }).errors).sort()]).toEqual([
      400,
      ['cents', 'customer'],
    ])
  })

  it('keeps what failed, and invoices it when that is run again', async () => {
    const path = await site.order({ country: 'ES' })
    const { id } = await site.until(path, 'failed')
    const options = { cwd: site.example.folder, env: { TWQ_BROKER: brokerUrl() } }
    const { stdout } = await runTwq(['failed', 'list', '--json'], options)
    expect(stdout).toContain('no rate of VAT for ES')

    const file = join(site.example.folder, 'vat.json')
    await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, 'utf8')), ES: 21 }))
    expect(await runTwq(['failed', 'retry'], options)).toMatchObject({ status: 0 })
    expect((await site.until(path, 'invoiced')).invoice).toContain(`Invoice R-${id} for Ada`)
  })

  it('places orders while the broker is away, and has them invoiced later', async () => {
    proxy.refuse()
    proxy.reset()
    const path = await site.order({ customer: 'Edsger' })
    expect(await site.look(path)).toMatchObject({ state: 'new', invoice: '' })
    proxy.heal()
    await using command = site.manage('issue_invoices')
    expect([await command.exit, command.output.entries]).toEqual([{ code: 0, signal: null }, ['asked for 1']])
    expect((await site.until(path, 'invoiced')).invoice).toContain('for Edsger')
  })
})
