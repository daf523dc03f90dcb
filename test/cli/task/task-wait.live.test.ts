import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { aProject, type Project } from '../../support/a-project.ts'
import { aWorker } from '../../support/a-worker.ts'
import { Program } from '../../support/program.ts'
import { startPython } from '../../support/python.ts'
import { cleanEnvironment, runTwq, TWQ } from '../../support/run-twq.ts'
import { brokerUrl } from '../../support/services.ts'

let release: () => void = () => {}
const steps = defineTask({
  name: 'steps',
  async run(_args: Record<never, never>, ctx) {
    await ctx.progress({ current: 1, total: 4 })
    await new Promise<void>((resolve) => {
      release = resolve
    })
    return 'done'
  },
})

let project: Project
beforeAll(() => {
  project = aProject({})
})
afterAll(() => project?.[Symbol.dispose]())

const TWQ_SEND = ['task', 'send', 'steps', '--wait']

/** The command on a terminal of its own. */
function onTerminal(queue: string, args: readonly string[]) {
  const command = ['terminal.py', process.execPath, TWQ, ...args, '--cwd', project.folder, '--queue', queue]
  return startPython(
    command,
    { broker: brokerUrl(), env: { NO_COLOR: '1', TWQ_BROKER: brokerUrl() } },
    { stdin: 'pipe' },
  )
}

describe('twq task send --wait', () => {
  it('says at once what it waits for and that nobody consumes, and after Ctrl-C how to take the task back', async () => {
    const queue = `wait-${randomUUID()}`
    await using waiting = await onTerminal(queue, TWQ_SEND)
    const sent = await waiting.until('note: sent steps[')
    expect(sent).toContain('waiting for its result (no time limit: -t sets one)')
    const id = /steps\[([^\]]+)\]/.exec(sent)?.[1]
    await waiting.until(
      `note: no worker consumes ${queue}: start one with npx twq worker start -Q ${queue}, or npx twq dev`,
    )
    await waiting.until('PENDING')
    waiting.write('\u0003')
    await waiting.until(`note: interrupted; steps[${id}] is still queued: twq task revoke ${id} would take it back`)
    expect(await waiting.exit).toMatchObject({ code: 130 })
  })

  it('shows how the task gets on, and leaves the result alone', async () => {
    await using scene = await aWorker([steps])
    await using waiting = await onTerminal(scene.queue, TWQ_SEND)
    await waiting.until('PROGRESS [#####...............]  25% 1 of 4')
    release()
    await waiting.until('"done"')
    expect(await waiting.exit).toMatchObject({ code: 0 })
    expect(waiting.lines.tail()).not.toContain('no worker consumes')
  })

  it('says what becomes of a task that has begun', async () => {
    await using scene = await aWorker([steps])
    await using waiting = await onTerminal(scene.queue, TWQ_SEND)
    await waiting.until('PROGRESS')
    waiting.write('\u0003')
    await waiting.until(/interrupted; steps\[.*\] goes on: twq task revoke --terminate \S+ would end it/)
    expect(await waiting.exit).toMatchObject({ code: 130 })
    release()
  })

  it('notes off a terminal only that nobody consumes, and prints data alone', async () => {
    const queue = `wait-${randomUUID()}`
    const env = { TWQ_BROKER: brokerUrl() }
    const args = [...TWQ_SEND, '--queue', queue, '-t', '2s']
    const late = await runTwq(args, { cwd: project.folder, env })
    expect(late).toMatchObject({ status: 124, stdout: '' })
    expect(late.stderr).toContain(`note: no worker consumes ${queue}: start one with`)
    expect(late.stderr).not.toContain('waiting for')
    const silent = await runTwq([...args, '-q'], { cwd: project.folder, env })
    expect(silent.stderr).toMatch(/^error\[TWQ_RESULT_TIMEOUT\]/)
  })

  it('says off a terminal, too, what becomes of the task when SIGTERM ends it', async () => {
    const queue = `wait-${randomUUID()}`
    const env = { ...cleanEnvironment(), TWQ_BROKER: brokerUrl() }
    const args = [TWQ, ...TWQ_SEND, '--queue', queue]
    await using waiting = new Program(process.execPath, args, { cwd: project.folder, env })
    await waiting.until('no worker consumes')
    waiting.signal('SIGTERM')
    await waiting.until(/interrupted; steps\[.*\] is still queued/)
    expect(await waiting.exit).toMatchObject({ code: 143 })
  })
})
