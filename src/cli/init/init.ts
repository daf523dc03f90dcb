import { existsSync, statSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { TwqError } from '../../errors.ts'
import { packageVersion } from '../../runtime/own-package.ts'
import type { GlobalOptions } from '../flags/global-options.ts'
import { EXIT } from '../terminal/exit-codes.ts'
import { note, print, toJson, wantsJson } from '../terminal/output.ts'
import { localPackage } from './local-package.ts'
import { projectFiles } from './project-files.ts'

/** The flags of `twq init`. */
export interface InitFlags extends GlobalOptions {
  readonly python?: boolean
  readonly twq?: string
}

/** `twq init [dir]`: writes a new project. If one of its files already exists, nothing is written. */
export async function init(directory: string, flags: InitFlags): Promise<number> {
  const folder = resolve(directory)
  const twq = flags.twq ?? `^${packageVersion()}`
  const local = await localPackage(twq, folder)
  const files = new Map<string, string | Uint8Array>([
    ...projectFiles({
      name: packageName(basename(folder)),
      twq: local === undefined ? twq : `file:${local.file}`,
      packed: local?.file,
      python: flags.python === true,
    }),
    ...(local?.content === undefined ? [] : [[local.file, local.content] as const]),
  ])
  const paths = [...files.keys()]
  const there = paths.filter((path) => existsSync(join(folder, path)))
  if (there.length > 0) throw inTheWay(folder, there)
  // All folders first: where one can't be made, no file is written.
  for (const needed of new Set(paths.map((path) => dirname(join(folder, path))))) {
    await makeFolder(needed).catch((error: NodeJS.ErrnoException) => {
      throw cannotMake(needed, error)
    })
  }
  for (const [path, content] of files) {
    const file = join(folder, path)
    // A file that was created in the meantime is not overwritten.
    await writeFile(file, content, { flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
      throw error.code === 'EEXIST' ? inTheWay(folder, [path]) : cannotWrite(file, error)
    })
  }
  print(wantsJson(flags) ? `${toJson(paths)}\n` : `${paths.join('\n')}\n`)
  const step = relative(process.cwd(), folder)
  note(`next: ${step === '' ? '' : `cd ${step} && `}npm install && npm test && npm run dev`, flags)
  return EXIT.ok
}

/** As `mkdir -p`. Node's `recursive: true` never returns where a folder that exists answers ENOENT, as those under /proc do. */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST' && statSync(path, { throwIfNoEntry: false })?.isDirectory()) return
    const parent = dirname(path)
    if (code !== 'ENOENT' || existsSync(parent)) throw error
    await makeFolder(parent)
    await mkdir(path)
  }
}

function inTheWay(folder: string, paths: readonly string[]): TwqError {
  return new TwqError('TWQ_EXISTS', `nothing is overwritten: ${folder} has ${paths.join(', ')}`, {
    hint: 'Take another folder: twq init my-worker',
  })
}

function cannotMake(folder: string, cause: NodeJS.ErrnoException): TwqError {
  const inTheWay = cause.code === 'EEXIST' || cause.code === 'ENOTDIR'
  const why = inTheWay ? 'a file is in the way' : cause.message
  return new TwqError(inTheWay ? 'TWQ_EXISTS' : 'TWQ_USAGE', `the folder ${folder} can't be made: ${why}`, {
    hint: 'Take another folder: twq init my-worker',
    cause,
  })
}

function cannotWrite(file: string, cause: NodeJS.ErrnoException): TwqError {
  return new TwqError('TWQ_USAGE', `${file} can't be written: ${cause.message}`, { cause })
}

/** A valid npm package name, made from the folder's name. */
function packageName(folder: string): string {
  const name = folder
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[._-]+|-+$/g, '')
  return name === '' || name === 'twq' ? 'my-worker' : name
}
