import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { Program } from '../../support/program.ts'
import { python } from '../../support/provision/python.ts'
import { cleanEnvironment, runTwq } from '../../support/run-twq.ts'
import { brokerUrl } from '../../support/services.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const PACKAGE = join(import.meta.dirname, '../../..')

/** Runs a command to its end; rejects with what it said when it fails. */
async function run(
  cwd: string,
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<string> {
  await using program = new Program(command, args, { cwd, env })
  const { code } = await program.exit
  if (code !== 0) throw new Error(`${command} ended with ${code}:\n${program.lines.tail()}`)
  return program.output.entries.join('\n')
}

it('writes a project that passes its own test, and that Python sends to', { timeout: 600_000 }, async () => {
  const folder = tempFolder()
  const tarball = (await run(PACKAGE, 'npm', ['pack', '--ignore-scripts', '--pack-destination', folder])).trim()
  const twq = `file:../${tarball.split('\n').at(-1)}`
  const written = await runTwq(['init', 'my-worker', '--python', '--twq', twq], { cwd: folder })
  expect(written).toMatchObject({ status: 0 })
  const project = join(folder, 'my-worker')
  // An image has only what is in the folder.
  const { dependencies } = JSON.parse(await readFile(join(project, 'package.json'), 'utf8'))
  expect(join(project, dependencies.twq.replace('file:', ''))).toBe(join(project, tarball.split('\n').at(-1) as string))
  await run(project, 'npm', ['install', '--prefer-offline', '--no-audit', '--no-fund'])
  await run(project, 'npm', ['run', 'typecheck'])
  await run(project, 'npm', ['test'])

  const { command, env } = await python()
  const settings = { ...cleanEnvironment(), ...env, TWQ_BROKER: brokerUrl() }
  await using worker = new Program('node_modules/.bin/twq', ['worker', 'start'], { cwd: project, env: settings })
  await worker.until('worker.ready')
  expect(await run(project, command, ['celery_app.py'], settings)).toBe('Hello, world!')
})

it('copies a packed twq into the project, where its Dockerfile finds it, and refuses one that is not there', async () => {
  const folder = tempFolder()
  await writeFile(join(folder, 'twq-1.2.3.tgz'), 'packed')
  // As npm reads it, from the new project; and as a shell completes it, from here.
  for (const [project, spec] of [
    ['one', 'file:../twq-1.2.3.tgz'],
    ['two', 'file:./twq-1.2.3.tgz'],
    ['three', `file:${join(folder, 'twq-1.2.3.tgz')}`],
  ] as const) {
    expect(await runTwq(['init', project, '--twq', spec], { cwd: folder })).toMatchObject({ status: 0 })
    const contentOf = (file: string): Promise<string> => readFile(join(folder, project, file), 'utf8')
    expect(await contentOf('twq-1.2.3.tgz')).toBe('packed')
    expect(JSON.parse(await contentOf('package.json'))).toMatchObject({ dependencies: { twq: 'file:twq-1.2.3.tgz' } })
    expect(await contentOf('Dockerfile')).toContain('COPY package*.json twq-1.2.3.tgz ./')
  }
  const there = await runTwq(['init', '.', '--twq', 'file:twq-1.2.3.tgz'], { cwd: folder })
  expect(there).toMatchObject({ status: 0 })
  const missing = await runTwq(['init', 'four', '--twq', 'file:../twq-9.tgz'], { cwd: folder })
  expect(missing).toMatchObject({ status: 2, stdout: '' })
  expect(missing.stderr).toContain(`there is no ${join(folder, 'twq-9.tgz')}`)
  expect(await readdir(folder)).not.toContain('four')
})

it('overwrites nothing: one file in the way, and none is written', async () => {
  const folder = tempFolder()
  await writeFile(join(folder, 'package.json'), 'mine')
  const refused = await runTwq(['init', '.'], { cwd: folder })
  expect(refused).toMatchObject({ status: 1, stdout: '' })
  expect(refused.stderr).toContain('package.json')
  expect(await readdir(folder)).toEqual(['package.json'])
  expect(await readFile(join(folder, 'package.json'), 'utf8')).toBe('mine')
})

it.each(['tasks', 'test'])('writes nothing where a file is in the way of the folder %s, and says so', async (name) => {
  const folder = tempFolder()
  await writeFile(join(folder, name), 'mine')
  const refused = await runTwq(['init', '.'], { cwd: folder })
  expect(refused).toMatchObject({ status: 1, stdout: '' })
  expect(refused.stderr).toContain(
    `error[TWQ_EXISTS]: the folder ${join(folder, name)} can't be made: a file is in the way`,
  )
  expect(refused.stderr).toContain('twq init my-worker')
  expect((await readdir(folder)).filter((entry) => entry.includes('.'))).toEqual([])
  expect(await readFile(join(folder, name), 'utf8')).toBe('mine')
})
