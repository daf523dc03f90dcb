import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { chord } from '../../../src/canvas/chord.ts'
import { signature } from '../../../src/canvas/signature.ts'
import { createClient } from '../../../src/client/create-client.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { aWorker, type WorkerScene } from '../../support/a-worker.ts'
import { withChannel } from '../../support/raw-broker.ts'
import { runTwq } from '../../support/run-twq.ts'
import { brokerUrl, ctl, uniqueName, vhost } from '../../support/services.ts'

// The users that docs/operations.md describes, with the very expressions that stand there.

const add = defineTask({ name: 'add', positional: ['x', 'y'], run: ({ x, y }: { x: number; y: number }) => x + y })

/** The rows of the page's table: a user, and its three expressions. */
function documented(): ReadonlyMap<string, readonly string[]> {
  const page = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8')
  const rows = page.matchAll(/^\| (\w+) \| `(\^.+?)` \| `(\^.+?)` \| `(\^.+?)` \|$/gm)
  return new Map([...rows].map(([, user = '', ...three]) => [user, three.map((one) => one.replaceAll('\\|', '|'))]))
}

const urls = new Map<string, string>()

function urlOf(user: string): string {
  const url = urls.get(user)
  if (url === undefined) throw new Error(`the page has no user ${user}`)
  return url
}

beforeAll(async () => {
  for (const [user, permissions] of documented()) {
    const name = uniqueName(user)
    await ctl('add_user', name, 'secret')
    await ctl('set_permissions', '-p', vhost(), name, ...permissions)
    urls.set(user, Object.assign(new URL(brokerUrl()), { username: name, password: 'secret' }).href)
  }
  return async () => {
    for (const url of urls.values()) await ctl('delete_user', new URL(url).username)
  }
})

function refusals({ log }: WorkerScene): unknown[] {
  return log.entries.filter((record) => /ACCESS_REFUSED|refused for user/.test(JSON.stringify(record)))
}

describe('a user with the permissions of the page', () => {
  it('has a worker do all that it does', async () => {
    await using scene = await aWorker([add], {
      broker: urlOf('worker'),
      queues: ['celery'],
      events: true,
      holdFor: '1s',
      maxHeld: 0,
      delayedDelivery: 'always',
    })
    await scene.logged('delays.ready')
    const { client } = scene
    const sent = await client.send(add, { x: 1, y: 2 })
    const delayed = await client.send(add, { x: 3, y: 4 }, { countdown: '2s' })
    const unknown = await client.send('nobody.knows', [])
    const joined = await client.send(
      chord([signature(add, [1, 1]), signature(add, [2, 2])], signature('celery.accumulate')),
    )
    expect(await sent.result()).toBe(3)
    expect(await delayed.result()).toBe(7)
    await expect(unknown.result()).rejects.toMatchObject({ cause: { type: 'NotRegistered' } })
    expect(await joined.result()).toEqual([[2, 4]])
    expect(await withChannel((channel) => channel.inspectQueue('celery.quarantine'))).toMatchObject({ messages: 1 })
    expect(refusals(scene)).toEqual([])
  })

  it('has a client send and get results, and no more', async () => {
    await using scene = await aWorker([add], { queues: ['celery'] })
    await using client = createClient({ broker: urlOf('client') })
    const sent = await client.send(add, { x: 1, y: 2 })
    expect(await sent.result()).toBe(3)
    const asked = await runTwq(['inspect', 'ping'], { env: { TWQ_BROKER: urlOf('client') } })
    expect(asked.status).not.toBe(0)
    expect(asked.stderr).toContain('refused for user')
    expect(refusals(scene)).toEqual([])
  })

  it('has an inspector ask workers', async () => {
    await using scene = await aWorker([add], { queues: ['celery'] })
    const asked = await runTwq(['inspect', 'ping', '--json'], { env: { TWQ_BROKER: urlOf('inspector') } })
    expect(asked.stderr).toBe('')
    expect(Object.keys(JSON.parse(asked.stdout))).toEqual([scene.worker.node])
  })
})
