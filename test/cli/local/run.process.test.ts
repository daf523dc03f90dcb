import { afterAll, beforeAll, expect, it } from 'vitest'
import { aProject, type Project } from '../../support/a-project.ts'
import { DebuggerClient, type DebuggerEvent } from '../../support/debugger-client.ts'
import { Program } from '../../support/program.ts'
import { cleanEnvironment, runTwq, TWQ } from '../../support/run-twq.ts'

const CONFIG = `import { counting } from './plugin.mjs'
export default { tasks: ['./tasks.mjs'], plugins: [counting], logFormat: 'json', broker: 'amqp://nobody@127.0.0.1:1//' }
`
const PLUGIN = `export const counting = {
  name: 'counting',
  start: () => void console.error('plugin started'),
  aroundAttempt: async (attempt, next) => (await next()) + 100,
}
`
const TASKS = `import { defineTask } from 'twq'

export const add = defineTask({
  name: 'add',
  positional: ['x', 'y'],
  async run({ x, y }, ctx) {
    console.log('on the console')
    ctx.log.info('adding')
    await ctx.progress({ done: 1, of: 2 })
    await ctx.send('other', [x])
    return x + y
  },
})
export const boom = defineTask({ name: 'boom', run() { throw new RangeError('no good') } })
export const again = defineTask({ name: 'again', run: (_args, ctx) => ctx.retry({ countdown: '10s', cause: new Error('busy') }) })
export const forever = defineTask({
  name: 'forever',
  run: (_args, { signal }) => new Promise((_, reject) => {
    console.log('it runs')
    signal.addEventListener('abort', () => reject(signal.reason))
  }),
})
`

let project: Project
beforeAll(() => {
  project = aProject({ 'worker.config.ts': CONFIG, 'plugin.mjs': PLUGIN, 'tasks.mjs': TASKS })
})
afterAll(() => project?.[Symbol.dispose]())

function run(...args: readonly string[]) {
  return runTwq(['task', 'run', ...args], { cwd: project.folder })
}

it('runs a task with its plugins where no broker is, and prints its result alone', async () => {
  const { status, stdout, stderr } = await run('add', '[2, 3]')
  expect({ status, stdout }).toEqual({ status: 0, stdout: '105\n' })
  expect(stderr).toContain('plugin started')
  expect(stderr).toContain('on the console')
  expect(stderr).toContain('"msg":"adding"')
  expect(stderr).toContain('note: PROGRESS [##########..........]  50% 1 of 2')
  expect(stderr).toMatch(/note: not sent: other\[\S+\], which it sent/)
})

it('ends with 1 and the traceback of a task that fails, with 75 where it asks for a retry', async () => {
  const failed = await run('boom')
  expect({ ...failed, stderr: '' }).toEqual({ status: 1, stdout: '', stderr: '' })
  expect(failed.stderr).toMatch(/RangeError: no good\n {4}at .*tasks\.mjs[\s\S]*failed: RangeError\('no good'\)/)
  const retried = await run('again')
  expect({ ...retried, stderr: '' }).toEqual({ status: 75, stdout: '', stderr: '' })
  expect(retried.stderr).toMatch(/asks to run again at 20\S+Z: Exception\('busy'\)/)
})

it('prints one document for programs', async () => {
  const { status, stdout } = await run('boom', '--json', '--task-id', 'x-1')
  expect(status).toBe(1)
  expect(JSON.parse(stdout)).toMatchObject({
    id: 'x-1',
    task: 'boom',
    outcome: 'failed',
    error: { exc_type: 'RangeError', exc_message: ['no good'] },
    traceback: expect.stringContaining('tasks.mjs'),
    states: [],
    not_sent: [],
  })
})

it('names the task that was likely meant', async () => {
  const { status, stderr } = await run('ad')
  expect(status).toBe(1)
  expect(stderr).toContain('hint: Did you mean add?')
})

it('ends with 130 when Ctrl-C aborts the task', async () => {
  await using program = new Program(process.execPath, [TWQ, 'task', 'run', 'forever'], {
    cwd: project.folder,
    env: cleanEnvironment(),
  })
  await program.until('it runs')
  program.signal('SIGINT')
  expect(await program.exit).toEqual({ code: 130, signal: null })
})

it('waits for a debugger, which stops before the code and at its own breakpoint', async () => {
  await using program = new Program(process.execPath, [TWQ, 'task', 'run', 'add', '[2, 3]', '--inspect-brk', '0'], {
    cwd: project.folder,
    env: cleanEnvironment(),
  })
  const line = await program.until(/Debugger listening on ws:/)
  using debugging = await DebuggerClient.attach(/ws:\S+/.exec(line)?.[0] ?? '')
  await debugging.call('Runtime.enable')
  await debugging.call('Debugger.enable')
  const lineNumber = TASKS.split('\n').findIndex((text) => text.includes('return x + y'))
  await debugging.call('Debugger.setBreakpointByUrl', { urlRegex: '.*/tasks\\.mjs', lineNumber })
  await debugging.call('Runtime.runIfWaitingForDebugger')
  const isPaused = ({ method }: { method: string }): boolean => method === 'Debugger.paused'
  const [before] = await debugging.events.untilCount(1, isPaused)
  expect(scriptOf(before, debugging)).toMatch(/\/dist\/.*\.js$/)
  await debugging.call('Debugger.resume')
  const [, there] = await debugging.events.untilCount(2, isPaused)
  expect(scriptOf(there, debugging)).toMatch(/tasks\.mjs$/)
  expect(there?.params.hitBreakpoints).toHaveLength(1)
  const { result } = await debugging.call('Debugger.evaluateOnCallFrame', {
    callFrameId: framesOf(there)[0]?.callFrameId,
    expression: 'x * 10 + y',
  })
  expect(result).toMatchObject({ value: 23 })
  await debugging.call('Debugger.resume')
  await program.until(/^105$/)
  debugging[Symbol.dispose]()
  expect((await program.exit).code).toBe(0)
})

interface Frame {
  readonly location: { readonly scriptId: string }
  readonly callFrameId: string
}

function framesOf(event: DebuggerEvent | undefined): readonly Frame[] {
  return (event?.params.callFrames ?? []) as readonly Frame[]
}

/** The script in which a program is paused. */
function scriptOf(event: DebuggerEvent | undefined, { events }: DebuggerClient): unknown {
  const id = framesOf(event)[0]?.location.scriptId
  return events.entries.find(({ method, params }) => method === 'Debugger.scriptParsed' && params.scriptId === id)
    ?.params.url
}
