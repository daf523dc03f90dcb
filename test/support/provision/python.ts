import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { aptInstall } from './apt.ts'
import { run } from './command.ts'
import { celeryOver, ownEnvironment } from './from-pip.ts'
import { givenPrograms } from './given-programs.ts'
import { missing } from './missing.ts'

/**
 * The releases of Celery that the tests talk to: the newest that can be had, which is meant when none is named, and 5.2, the
 * oldest that twq works with.
 */
export const CELERIES = ['newest', '5.2'] as const

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

export type Found = Python | { readonly missing: string }

/**
 * Looks for all releases, and saves the processes of the test files from doing so; rejects when there is no Celery at all.
 * What this process finds later is not changed by it.
 */
export async function rememberPythons(): Promise<{ readonly newest: Python; readonly '5.2': Found }> {
  const newestFound = await newest()
  const found = { newest: newestFound, '5.2': await debians52().catch((error: Error) => ({ missing: error.message })) }
  process.env[REMEMBERED] = JSON.stringify(found)
  return found
}

/** Why this release can't be had; undefined where it can. Only where {@link rememberPythons} was called before. */
export function whyNoCelery(release: CeleryRelease): string | undefined {
  const found = (JSON.parse(process.env[REMEMBERED] ?? '{}') as Partial<Record<CeleryRelease, Found>>)[release]
  return found && 'missing' in found ? found.missing : undefined
}

/** Python with this release of Celery, installed if need be; rejects with the reason where it can't be had. */
export async function python(release: CeleryRelease = CELERIES[0]): Promise<Python> {
  const remembered = process.env[REMEMBERED]
  if (!remembered) return release === '5.2' ? debians52() : newest()
  const found = (JSON.parse(remembered) as Record<CeleryRelease, Found>)[release]
  if ('missing' in found) throw new Error(found.missing)
  return found
}

/**
 * That of TWQ_TEST_PYTHON if set, else that of the programs given; else pip's Celery, over Debian's packages or in an
 * environment of its own; else Debian's.
 */
async function newest(): Promise<Python> {
  const given = process.env.TWQ_TEST_PYTHON ?? givenPython()
  if (given) return (await withCelery(given)) ?? refuse(`${given} cannot import them`)
  const debian = await debians().catch((error: Error) => error)
  try {
    const found =
      debian instanceof Error
        ? await withCelery(await ownEnvironment())
        : await withCelery(debian.command, { packages: await celeryOver(debian.command) })
    if (found) return found
  } catch (error) {
    if (debian instanceof Error) refuse(`pip does not bring them (${(error as Error).message}). ${debian.message}`)
  }
  if (debian instanceof Error) return refuse('what pip installed can not be imported')
  return isOld(debian)
    ? refuse(`Debian’s Celery ${debian.celeryVersion} is older than 5.2, and pip brings none`)
    : debian
}

function givenPython(): string | undefined {
  return givenPrograms()
    .map((folder) => join(folder, 'python3'))
    .find(existsSync)
}

async function debians52(): Promise<Python> {
  if (givenPython()) throw new Error('the programs of TWQ_TEST_RABBITMQ bring a Celery of their own')
  const found = await debians()
  if (!found.celeryVersion.startsWith('5.2.')) throw new Error(`Debian’s Celery is ${found.celeryVersion}, not 5.2`)
  return found
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

function isOld({ celeryVersion }: Python): boolean {
  const [major = 0, minor = 0] = celeryVersion.split('.').map(Number)
  return major < 5 || (major === 5 && minor < 2)
}

function refuse(why: string): never {
  throw missing('Celery and Flask for Python', why)
}
