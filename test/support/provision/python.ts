import { fileURLToPath } from 'node:url'
import { aptInstall } from './apt.ts'
import { celeryOver, ownEnvironment } from './celery-from-pip.ts'
import { run } from './command.ts'
import { missing } from './missing.ts'

/** The releases of Celery that the tests talk to; the first is the one meant when none is named. */
export const CELERIES = ['5.6', '5.2'] as const

export type CeleryRelease = (typeof CELERIES)[number]

/** A Python that has Celery and Flask. */
export interface Python {
  readonly command: string
  /** To be added to the environment of whatever it runs. */
  readonly env: Readonly<Record<string, string>>
  readonly celeryVersion: string
}

const SCRIPTS = fileURLToPath(new URL('../../interop/python', import.meta.url))

/** Debian's Python: the one that sees packages installed with apt, also where another `python3` comes first on PATH. */
const DEBIAN_PYTHON = '/usr/bin/python3'
const DEBIAN_PACKAGES = ['python3-celery', 'python3-flask', 'python3-redis', 'python3-pip']

/** Where the processes of the test files find what their set-up found: each release, or why there is none. */
const REMEMBERED = 'TWQ_TEST_PYTHONS'

type Found = Python | { readonly missing: string }

/** Looks for all releases, and saves the processes of the test files from doing so; rejects without the first. */
export async function rememberPythons(): Promise<void> {
  const found: Partial<Record<CeleryRelease, Found>> = {}
  for (const release of CELERIES) {
    found[release] = await python(release).catch((error: Error) => {
      if (release === CELERIES[0]) throw error
      return { missing: error.message }
    })
  }
  process.env[REMEMBERED] = JSON.stringify(found)
}

/** Python with this release of Celery, installed if need be; rejects with the reason where it can't be had. */
export async function python(release: CeleryRelease = CELERIES[0]): Promise<Python> {
  const remembered = process.env[REMEMBERED]
  if (!remembered) return release === '5.2' ? debians52() : newest()
  const found = (JSON.parse(remembered) as Record<CeleryRelease, Found>)[release]
  if ('missing' in found) throw new Error(found.missing)
  return found
}

/** That of TWQ_TEST_PYTHON if set, else pip's Celery: over Debian's packages, or in an environment of its own. */
async function newest(): Promise<Python> {
  const given = process.env.TWQ_TEST_PYTHON
  if (given) return (await withCelery(given)) ?? refuse(`TWQ_TEST_PYTHON (${given}) cannot import them`)
  try {
    const base = await debians().catch(() => undefined)
    const found = base
      ? await withCelery(base.command, { packages: await celeryOver(base.command) })
      : await withCelery(await ownEnvironment())
    if (found) return found
  } catch (error) {
    refuse(`pip does not bring them (${(error as Error).message})`)
  }
  return refuse('what pip installed can not be imported')
}

async function debians52(): Promise<Python> {
  const found = await debians()
  return found.celeryVersion.startsWith('5.2.') ? found : refuse(`Debian’s Celery is ${found.celeryVersion}, not 5.2`)
}

let found: Promise<Python> | undefined

/** Debian's packages, installed if need be: once in a process. */
function debians(): Promise<Python> {
  found ??= (async () => {
    const ready = await withCelery(DEBIAN_PYTHON, { modules: ['flask', 'redis', 'pip'] })
    if (ready) return ready
    await aptInstall(DEBIAN_PACKAGES, 'Celery and Flask for Python')
    return (await withCelery(DEBIAN_PYTHON)) ?? refuse('what apt installed can not be imported')
  })()
  return found
}

/** The Python if it has Celery and these modules; `packages` is a folder whose packages come before its own. */
async function withCelery(
  command: string,
  { packages, modules = ['flask', 'redis'] }: { readonly packages?: string; readonly modules?: readonly string[] } = {},
): Promise<Python | undefined> {
  const PYTHONPATH = packages ? `${SCRIPTS}:${packages}` : SCRIPTS
  const env = { PYTHONUNBUFFERED: '1', PYTHONDONTWRITEBYTECODE: '1', PYTHONPATH }
  // To import them all takes a second.
  const program = 'import celery, sys; from importlib.util import find_spec; assert all(map(find_spec, sys.argv[1:]))'
  try {
    const output = await run(command, ['-c', `${program}; print(celery.__version__)`, ...modules], {
      env: { ...process.env, ...env },
    })
    return { command, env, celeryVersion: output.trim() }
  } catch {
    return undefined
  }
}

function refuse(why: string): never {
  throw missing('Celery and Flask for Python', why)
}
