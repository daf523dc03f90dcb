import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findExecutable, run } from './command.ts'

const CACHE = fileURLToPath(new URL('../../../node_modules/.cache/twq', import.meta.url))
const PYTHON = fileURLToPath(new URL('../../interop/python', import.meta.url))
/** What pip resolves by itself. */
const REQUIREMENTS = `${PYTHON}/requirements.txt`
/** What there must be beside Debian's packages; of these none is looked for on an index. */
const OVER_DEBIAN = `${PYTHON}/requirements-over-debian.txt`
const DJANGO = `${PYTHON}/requirements-django.txt`

// Without an answer at once there is none to wait for.
const INSTALL = ['-m', 'pip', 'install', '--retries', '0', '--disable-pip-version-check', '--quiet']

/**
 * A folder with Celery and what is its own, for PYTHONPATH before Debian's packages, which have the rest. `npm ci`
 * forgets it. Rejects with what pip said.
 */
export async function celeryOver(debianPython: string): Promise<string> {
  return await installed(debianPython, await named('celery'), ['--no-deps', '-r', OVER_DEBIAN])
}

/** A folder with Django and what it needs, for PYTHONPATH. Rejects with what pip said. */
export async function djangoFor(python: string): Promise<string> {
  return await installed(python, join(await cache(), 'django'), ['-r', DJANGO])
}

async function installed(python: string, folder: string, packages: readonly string[]): Promise<string> {
  if (existsSync(folder)) return folder
  const unfinished = await mkdtemp(`${folder}-`)
  try {
    await run(python, [...INSTALL, '--target', unfinished, ...packages], { timeout: 120_000 })
    await rename(unfinished, folder)
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true })
    // Another run of the tests was faster.
    if (!existsSync(folder)) throw error
  }
  return folder
}

/** The Python of a virtual environment with Celery and all it needs. Rejects with what pip said. */
export async function ownEnvironment(): Promise<string> {
  const folder = await named('python')
  const command = join(folder, 'bin/python')
  if (existsSync(folder)) return command
  const system = await findExecutable('python3')
  if (!system) throw new Error('there is no python3')
  try {
    await run(system, ['-m', 'venv', folder], { timeout: 60_000 })
    await run(command, [...INSTALL, '-r', REQUIREMENTS], { timeout: 120_000 })
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
  return command
}

/** `celery-5.6.3`: a folder for the version that is wanted now. */
async function named(what: string): Promise<string> {
  const version = /^celery.*==(.*)$/m.exec(await readFile(REQUIREMENTS, 'utf8'))?.[1]
  return join(await cache(), `${what}-${version}`)
}

async function cache(): Promise<string> {
  await mkdir(CACHE, { recursive: true })
  return CACHE
}
