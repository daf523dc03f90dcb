import { describe, expect, it } from 'vitest'
import { aProject } from '../../support/a-project.ts'
import { runTwq } from '../../support/run-twq.ts'

// Written without imports from twq where the brand is what matters.
const task = (name: string, fields = ''): string =>
  `export const ${name} = { [Symbol.for('twq.task')]: true, name: '${name}', positional: ['x', 'y?'], settings: {}, run() {}, ${fields} }`

describe('finding the configuration', () => {
  const config = (name: string): string => `export default { tasks: ['./tasks/${name}.ts'] }`
  const tasks = { 'tasks/one.ts': task('one'), 'tasks/two.ts': task('two') }

  async function listed(files: Record<string, string>, args: string[] = [], cwd = ''): Promise<string[]> {
    using project = aProject({ ...tasks, ...files })
    const { stdout, stderr } = await runTwq(['task', 'list', '--json', ...args], { cwd: `${project.folder}/${cwd}` })
    return stdout === '' ? [stderr] : (JSON.parse(stdout) as { name: string }[]).map(({ name }) => name)
  }

  it.each<[string, string]>([
    ['worker.config.ts', config('one')],
    ['worker.config.mts', config('one')],
    ['worker.config.mjs', config('one')],
    ['worker.config.js', config('one')],
    ['worker.config.cjs', "module.exports = { tasks: ['./tasks/one.ts'] }"],
    ['worker.config.cts', "export = { tasks: ['./tasks/one.ts'] as string[] }"],
    ['worker.config.json', '{ "tasks": ["./tasks/one.ts"] }'],
    ['worker.config.yaml', 'tasks:\n  - ./tasks/one.ts\n'],
    ['twq.config.ts', config('one')],
    ['package.json', '{ "workspaces": [], "twq": { "tasks": ["./tasks/one.ts"] } }'],
  ])('reads %s', async (path, content) => {
    expect(await listed({ [path]: content })).toEqual(['one'])
  })

  it('looks upwards, and takes paths in the file to start there', async () => {
    expect(await listed({ 'worker.config.ts': config('one'), 'deep/er/file.txt': '' }, [], 'deep/er')).toEqual(['one'])
  })

  it('takes the file or the folder that -A names, before or after the command', async () => {
    const files = {
      'worker.config.ts': config('one'),
      'other/worker.config.ts': "export default { tasks: ['../tasks/two.ts'] }",
    }
    expect(await listed(files, ['-A', 'other/worker.config.ts'])).toEqual(['two'])
    expect(await listed(files, ['--config', 'other'])).toEqual(['two'])
    expect(await listed(files, ['--cwd', 'other'])).toEqual(['two'])
  })

  it('calls a configuration that is a function, with the command and the mode', async () => {
    const content = `
      import { defineConfig } from 'twq'
      export default defineConfig(async ({ command, mode, env }) => {
        if (command !== 'task list' || mode !== 'production' || env.HOME === undefined) throw new Error(command + mode)
        return { tasks: ['./tasks/one.ts'] }
      })`
    expect(await listed({ 'worker.config.ts': content })).toEqual(['one'])
  })

  it.each<[string, Record<string, string>, string[], string]>([
    ['is not there', {}, ['-A', 'nowhere.ts'], 'there is no configuration file'],
    ['has no default export', { 'worker.config.ts': 'export const a = 1' }, [], 'has no default export'],
    ['throws', { 'worker.config.ts': "throw new RangeError('too much')" }, [], 'RangeError: too much'],
    [
      'is a function that throws',
      { 'worker.config.ts': "export default () => { throw new Error('no secret') }" },
      [],
      'the configuration function in',
    ],
    ['is not JSON', { 'worker.config.json': '{ "tasks": ' }, [], 'could not read the configuration at'],
  ])('says what is wrong with one that %s', async (_, files, args, expected) => {
    const [error] = await listed(files, args)
    expect(error).toContain('"TWQ_CONFIG_FILE"')
    expect(error).toContain(expected)
  })
})

describe('the tasks of the configuration', () => {
  it('are found by their brand, whichever way they are exported', async () => {
    using project = aProject({
      'worker.config.ts':
        "import { defineConfig } from 'twq'\nexport default defineConfig({ tasks: ['./tasks/*.ts'] })",
      'tasks/math.ts':
        "import { defineTask } from 'twq'\nexport const add = defineTask({ name: 'math.add', positional: ['x', 'y'], named: [], queue: 'sums', run({ x, y }: { x: number; y: number }) { return x + y } })\nexport default add",
      'tasks/other.ts': `${task('branded')}\nexport const helper = () => 1`,
    })
    const { status, stdout } = await runTwq(['task', 'list', '--json'], { cwd: project.folder })
    expect(status).toBe(0)
    expect(JSON.parse(stdout)).toEqual([
      { name: 'branded', positional: ['x', 'y?'], named: null, queue: null, module: 'tasks/other.ts' },
      { name: 'math.add', positional: ['x', 'y'], named: [], queue: 'sums', module: 'tasks/math.ts' },
    ])
    const people = await runTwq(['task', 'list'], { cwd: project.folder })
    expect(people.stdout.split('\n')[2]).toBe('math.add  x, y       sums   tasks/math.ts')
  })

  it.each<[string, string, string]>([
    ['a glob without a match', './jobs/*.ts', 'tasks: no file matches "./jobs/*.ts" in'],
    ['a file that is not there', './tasks/b.ts', 'tasks: there is no file'],
    ['a path without its extension', './tasks/a', 'Did you mean "./tasks/a.ts"?'],
    ['a package', '@acme/tasks', "import { add } from '@acme/tasks', and tasks: [add]"],
    ['a folder', './tasks', "Name the modules in it: './tasks/*.ts'"],
    ['a module that does not load', './broken.ts', 'could not load broken.ts: ReferenceError'],
    ['two tasks of one name', './{tasks,more}/*.ts', 'two tasks are named "a": in more/a.ts and in tasks/a.ts'],
  ])('are refused for %s', async (_, pattern, expected) => {
    using project = aProject({
      'worker.config.ts': `export default { tasks: ['${pattern}'] }`,
      'tasks/a.ts': task('a'),
      'more/a.ts': task('a'),
      'broken.ts': 'undefinedName()',
    })
    const { status, stderr, stdout } = await runTwq(['task', 'list'], { cwd: project.folder })
    expect({ status, stdout }).toEqual({ status: 78, stdout: '' })
    expect(stderr).toContain('error[TWQ_TASKS]')
    expect(stderr).toContain(expected)
  })

  it('get a note about modules without any, which -q silences', async () => {
    using project = aProject({
      'worker.config.ts': "export default { tasks: ['./tasks/*.ts'] }",
      'tasks/a.ts': task('a'),
      'tasks/helpers.ts': 'export const one = 1',
      'tasks/types.d.ts': 'declare const ignored: number',
    })
    const loud = await runTwq(['task', 'list'], { cwd: project.folder })
    expect(loud.stderr).toBe('note: tasks/helpers.ts exports no task\n')
    expect((await runTwq(['-q', 'task', 'list'], { cwd: project.folder })).stderr).toBe('')
  })
})
