import { describe, expect, it } from 'vitest'
import { aProject } from '../support/a-project.ts'
import { runTwq } from '../support/run-twq.ts'

describe('help', () => {
  it.each([[['--help']], [['worker', 'start', '--help']]])(
    'fits a screen for twq %j, on standard output',
    async (args) => {
      const { status, stdout, stderr } = await runTwq(args)
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
      expect(stdout).toMatch(/^Usage: twq/)
      expect(stdout.trimEnd().split('\n').length).toBeLessThanOrEqual(30)
    },
  )

  it('is the answer to a noun without a verb, as an error', async () => {
    for (const args of [[], ['worker'], ['task']]) {
      const { status, stdout, stderr } = await runTwq(args)
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
      expect(stderr).toMatch(/^Usage: twq/)
    }
  })

  it('is not needed for the version', async () => {
    expect((await runTwq(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })
})

describe('a command line that can not be meant', () => {
  it.each<[string[], string[]]>([
    [['wrker'], ["error[TWQ_USAGE]: unknown command 'wrker'", 'hint: Did you mean worker?']],
    [
      ['worker', 'strat'],
      ["unknown command 'strat'", 'Did you mean start?'],
    ],
    [
      ['worker', 'start', '--queus', 'a'],
      ["unknown option '--queus'", 'Did you mean --queues?'],
    ],
    [['worker', 'start', 'x'], ['too many arguments']],
    [['-o', 'xml', 'task', 'list'], ["argument 'xml' is invalid"]],
    [['--cwd', '/nowhere', 'task', 'list'], ["--cwd: can't work in /nowhere"]],
  ])('%j ends with 2 and says why', async (args, expected) => {
    const { status, stdout, stderr } = await runTwq(args)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    for (const part of expected) expect(stderr).toContain(part)
    expect(stderr).not.toContain('    at ')
  })

  it('is told to programs as JSON', async () => {
    const { stderr } = await runTwq(['--json', 'worker', 'strat'])
    expect(JSON.parse(stderr)).toEqual({
      error: { code: 'TWQ_USAGE', message: "unknown command 'strat'", hints: ['Did you mean start?'] },
    })
  })
})

describe('a worker that can not start', () => {
  it('names all that is wrong with its configuration, and ends with 78', async () => {
    using project = aProject({
      'worker.config.ts': "export default { concurrency: 'four', quues: ['a'], broker: 'http://u:secret@host' }",
    })
    const { status, stderr } = await runTwq(['worker', 'start'], {
      cwd: project.folder,
      env: { TWQ_ACKS: 'never' },
    })
    expect(status).toBe(78)
    expect(stderr).toContain('error[TWQ_CONFIG]: the configuration has 4 problems:')
    expect(stderr).toContain('concurrency must be a positive whole number, got "four" (from worker.config.ts)')
    expect(stderr).toContain('quues is not a setting; did you mean queues?')
    expect(stderr).toContain(`acks must be 'late' or 'early', got "never" (from TWQ_ACKS)`)
    expect(stderr).toContain('http://u:***@host')
  })

  it('says so when there is nothing to run', async () => {
    using project = aProject({ 'worker.config.ts': 'export default {}' })
    const { status, stderr } = await runTwq(['worker', 'start'], { cwd: project.folder })
    expect(status).toBe(78)
    expect(stderr).toContain('error[TWQ_TASKS]: there is no task to run')
  })

  it('shows where an error comes from only with -v', async () => {
    using project = aProject({ 'worker.config.ts': 'export default { concurrency: 0 }' })
    expect((await runTwq(['worker', 'start'], { cwd: project.folder })).stderr).not.toContain('    at ')
    expect((await runTwq(['worker', 'start', '-v'], { cwd: project.folder })).stderr).toContain('    at ')
  })
})
