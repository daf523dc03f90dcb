import { expect, it } from 'vitest'
import { aProject } from '../support/a-project.ts'
import { runTwq } from '../support/run-twq.ts'

// Editors on Windows begin a file with it.
const ARGUMENTS = '\uFEFF[2, "\uFEFF"]'

it.each([
  ['on the command line', ARGUMENTS, ''],
  ['in a file', '@arguments.json', ''],
  ['on standard input', '-', ARGUMENTS],
])('a byte order mark before the arguments %s is no part of them', async (_, argument, input) => {
  using project = aProject({ 'worker.config.mjs': 'export default {}', 'arguments.json': ARGUMENTS })
  const args = ['task', 'send', 'add', argument, '--dry-run', '--json']
  const { status, stdout, stderr } = await runTwq(args, { cwd: project.folder, input })
  expect(status, stderr).toBe(0)
  const { body } = JSON.parse(stdout) as { body: string }
  expect(JSON.parse(body)[0]).toEqual([2, '\uFEFF'])
})
