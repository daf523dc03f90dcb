import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { aptInstall } from './apt.ts'
import { findExecutable, run } from './command.ts'
import { missing } from './missing.ts'

/** A Python that has Celery and Flask. */
export interface Python {
  readonly command: string
  /** To be added to the environment of whatever it runs. */
  readonly env: Readonly<Record<string, string>>
  readonly celeryVersion: string
}

const VENV = fileURLToPath(new URL('../../../node_modules/.cache/twq/python', import.meta.url))
/** Says that it could not be made, so that not every run tries again; `npm ci` forgets it. */
const GAVE_UP = `${VENV}-unavailable`
const SCRIPTS = fileURLToPath(new URL('../../interop/python', import.meta.url))
const REQUIREMENTS = `${SCRIPTS}/requirements.txt`

const ENVIRONMENT = { PYTHONUNBUFFERED: '1', PYTHONDONTWRITEBYTECODE: '1', PYTHONPATH: SCRIPTS }

/** Debian's Python: the one that sees packages installed with apt, also where another `python3` comes first on PATH. */
const DEBIAN_PYTHON = '/usr/bin/python3'

/** Saves the processes of the test files from looking for Python again. */
export function rememberPython({ command, celeryVersion }: Python): void {
  process.env.TWQ_TEST_PYTHON = command
  process.env.TWQ_TEST_CELERY_VERSION = celeryVersion
}

/**
 * Python with Celery: TWQ_TEST_PYTHON if set, else a virtual environment of the project's own filled by pip, else
 * Debian's packages, installed if need be.
 */
export async function python(): Promise<Python> {
  const { TWQ_TEST_PYTHON: given, TWQ_TEST_CELERY_VERSION: checked } = process.env
  if (given) {
    const found = checked ? { command: given, env: ENVIRONMENT, celeryVersion: checked } : await withCelery(given)
    if (!found) throw missing('Celery and Flask for Python', `TWQ_TEST_PYTHON (${given}) cannot import them`)
    return found
  }
  const ready = (await ownEnvironment()) ?? (await withCelery(DEBIAN_PYTHON))
  if (ready) return ready
  await aptInstall(['python3-celery', 'python3-flask', 'python3-redis'], 'Celery and Flask for Python')
  const installed = await withCelery(DEBIAN_PYTHON)
  if (!installed) throw missing('Celery and Flask for Python', 'what apt installed can not be imported')
  return installed
}

/** The virtual environment, made on first use; undefined where there is no pip or it reaches no package index. */
async function ownEnvironment(): Promise<Python | undefined> {
  const command = `${VENV}/bin/python`
  const wanted = (await readFile(REQUIREMENTS, 'utf8')).match(/^celery.*==(.*)$/m)?.[1]
  const existing = await withCelery(command)
  if (existing?.celeryVersion === wanted) return existing
  const system = await findExecutable('python3')
  if (!system || existsSync(GAVE_UP)) return undefined
  try {
    await run(system, ['-m', 'venv', '--clear', VENV], { timeout: 60_000 })
    // Without an answer at once there is none to wait for: Debian's packages do as well.
    const impatient = ['--retries', '0', '--timeout', '5', '--disable-pip-version-check', '--quiet']
    await run(command, ['-m', 'pip', 'install', ...impatient, '-r', REQUIREMENTS], { timeout: 120_000 })
  } catch {
    await mkdir(dirname(GAVE_UP), { recursive: true })
    await writeFile(GAVE_UP, '')
    return undefined
  }
  return withCelery(command)
}

async function withCelery(command: string): Promise<Python | undefined> {
  try {
    const output = await run(command, ['-c', 'import celery, flask; print(celery.__version__)'])
    return { command, env: ENVIRONMENT, celeryVersion: output.trim() }
  } catch {
    return undefined
  }
}
