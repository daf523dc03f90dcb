import { describe, expect, it } from 'vitest'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { aWorker } from '../../support/a-worker.ts'
import { FaultProxy } from '../../support/fault-proxy.ts'
import type { Program } from '../../support/program.ts'
import { startCeleryWorker } from '../../support/python.ts'
import { PythonCaller } from '../../support/python-caller.ts'
import { brokerUrl, uniqueName } from '../../support/services.ts'

// A Python worker and ours come, exchange what is revoked, and go: each survives the other.

const add = defineTask({ name: 'add', positional: ['x', 'y'], run: () => 0 })

async function startPythonWorker(): Promise<{ python: Program; node: string }> {
  const queue = uniqueName('python')
  const node = `${queue}@test`
  const python = await startCeleryWorker({ broker: brokerUrl(), queue }, { args: ['--hostname', node] })
  return { python, node }
}

function startCaller(): Promise<PythonCaller> {
  return PythonCaller.start({ broker: brokerUrl(), queue: uniqueName('python') })
}

/** Tells one worker, or asks it; what it answers. */
async function tell(caller: PythonCaller, node: string, command: string, args: object = {}): Promise<unknown> {
  const replies = await caller.broadcast(command, { arguments: args, destination: [node], limit: 1, timeout: 60 })
  return replies[0]?.[node]
}

/** What Python logged that somebody would have to look into. */
function complaints({ lines }: Program): string[] {
  const troubles = lines.entries.filter((line) => /ERROR|CRITICAL|WARNING\/|Traceback|Substantial drift/.test(line))
  // What Celery 5.6 says of each revocation when results go to the caller: it can tell none.
  return troubles.filter((line) => !line.includes('RPC backend missing task request'))
}

describe('a Python worker that starts beside ours', () => {
  it('hears of our revocations, complains of nothing, and survives our stop', async () => {
    await using scene = await aWorker([add])
    await using caller = await startCaller()
    const ours = scene.worker.node
    await tell(caller, ours, 'revoke', { task_id: 'revoked-here' })

    const { python, node } = await startPythonWorker()
    await using _ended = python
    await python.until('mingle: sync with 1 nodes')
    await python.until('mingle: sync complete')
    expect(await tell(caller, node, 'revoked')).toContain('revoked-here')

    await scene.worker.stop('warm')
    expect(await tell(caller, node, 'ping')).toEqual({ ok: 'pong' })
    expect(await caller.get(await caller.sendTask('add', [1, 2], { queue: node.replace('@test', '') }))).toBe(3)
    expect(complaints(python)).toEqual([])
  })
})

describe('a worker that starts beside Python’s', () => {
  it('hears of its revocations, complains of nothing, and survives its stop', async () => {
    const { python, node } = await startPythonWorker()
    await using _ended = python
    await using caller = await startCaller()
    await tell(caller, node, 'revoke', { task_id: 'revoked-there' })

    await using scene = await aWorker([add])
    const ours = scene.worker.node
    expect(await scene.logged('worker.mingled')).toMatchObject({ nodes: [node] })
    expect(await tell(caller, ours, 'revoked')).toContain('revoked-there')

    python.signal('SIGTERM')
    expect(await python.exit).toMatchObject({ code: 0 })
    expect(complaints(python)).toEqual([])
    expect(await tell(caller, ours, 'ping')).toEqual({ ok: 'pong' })
    expect(await (await scene.client.send(add, { x: 1, y: 2 })).result()).toBe(0)
    const warnings = scene.log.entries.filter(({ level }) => ['warn', 'error', 'fatal'].includes(String(level)))
    // The worker shares an event loop with this test, and the processors with others.
    expect(warnings.map(({ event }) => event).filter((event) => event !== 'loop.blocked')).toEqual([])
  })
})

describe('a worker that was cut off', () => {
  it('does not run what was revoked meanwhile, though it was given to it again', async () => {
    const ran: string[] = []
    const task = defineTask({ name: 'task', run: (_args: object, ctx) => void ran.push(ctx.id) })
    await using proxy = await FaultProxy.before(brokerUrl())
    const { python, node } = await startPythonWorker()
    await using _ended = python
    await using caller = await startCaller()
    await using scene = await aWorker([task], { broker: proxy.through(brokerUrl()), eventHeartbeat: '1h' })
    const lost = scene.log.untilCount(2, ({ event }) => event === 'broker.lost')
    proxy.refuse()
    proxy.reset()
    await lost
    await tell(caller, node, 'revoke', { task_id: 'revoked-meanwhile' })
    const to = { queue: scene.queue }
    await caller.sendTask('task', [], { ...to, task_id: 'revoked-meanwhile' })
    await caller.sendTask('task', [], { ...to, task_id: 'not-revoked' })
    proxy.heal()
    await expect(caller.get('revoked-meanwhile')).rejects.toMatchObject({ type: 'TaskRevokedError' })
    await caller.get('not-revoked')
    expect(ran).toEqual(['not-revoked'])
  })
})

describe('two workers of one name', () => {
  it('are told of on the log of the second', async () => {
    await using first = await aWorker([add])
    await using second = await aWorker([add], { nodeName: first.worker.node })
    expect(await second.logged('worker.name-taken')).toMatchObject({ level: 'warn', node: first.worker.node })
    expect(first.log.entries.map(({ event }) => event)).not.toContain('worker.name-taken')
  })
})
