import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { type ErrorCode, messageOf, TwqError } from '../../errors.ts'

const TYPESCRIPT = /\.[cm]?tsx?$/

/**
 * Imports a module of the user's, TypeScript or JavaScript, and returns its exports. TypeScript goes through tsx, which is
 * loaded only then, and works in packages with and without `"type": "module"`. Every failure, a syntax error or
 * something that the module itself throws, becomes a `TwqError` with the given code, naming the file.
 */
export async function loadModule(file: string, code: ErrorCode): Promise<Readonly<Record<string, unknown>>> {
  try {
    if (TYPESCRIPT.test(file)) {
      typescript ??= enableTypescript()
      await typescript
    }
    return exportsOf((await import(pathToFileURL(file).href)) as Record<string, unknown>)
  } catch (error) {
    throw loadError(file, code, error)
  }
}

/** Started once: from then on this process imports TypeScript. */
let typescript: Promise<void> | undefined

async function enableTypescript(): Promise<void> {
  await loadOwnModules()
  const [esm, cjs] = await Promise.all([import('tsx/esm/api'), import('tsx/cjs/api')])
  const { extensions } = createRequire(import.meta.url)
  const native = extensions['.js']
  esm.register()
  cjs.register()
  // tsx's CommonJS hook would compile an ES module into a second, CommonJS copy. For twq that would be a second instance of its
  // state; Node itself returns the same module for `require` and `import`.
  const transform = extensions['.js']
  if (native === undefined || transform === undefined) return
  extensions['.js'] = (module, filename) => (filename.startsWith(OWN_FOLDER) ? native : transform)(module, filename)
}

/**
 * Loads the entry points of twq that user modules import, before tsx is registered: after that each module passes through a
 * thread and back, which for ours costs 10 MB and a third of a second of processor time. Does nothing when twq itself runs
 * uncompiled.
 */
async function loadOwnModules(): Promise<void> {
  const entry = new URL('../../index.js', import.meta.url)
  if (existsSync(entry)) await import(entry.href)
}

const OWN_FOLDER = packageFolder(dirname(fileURLToPath(import.meta.url))) + sep

function packageFolder(folder: string): string {
  const parent = dirname(folder)
  return folder === parent || existsSync(join(folder, 'package.json')) ? folder : packageFolder(parent)
}

/** For an ES module compiled to CommonJS, the exports are the members of its default export. */
function exportsOf(namespace: Record<string, unknown>): Readonly<Record<string, unknown>> {
  const inner = namespace.default
  const compiled = typeof inner === 'object' && inner !== null && '__esModule' in inner
  return compiled ? (inner as Record<string, unknown>) : namespace
}

/** The error for a user module that failed to load, with the position in the file if the stack has it. */
export function loadError(file: string, code: ErrorCode, cause: unknown): TwqError {
  const place = placeIn(file, cause)
  return new TwqError(code, `could not load ${relative(process.cwd(), file)}: ${whatWentWrong(cause)}${place}`, {
    cause,
    hint: hintFor(cause),
  })
}

/** Without the title above esbuild's `file:line: what`, and without the list of modules below Node's. */
function whatWentWrong(cause: unknown): string {
  const message = messageOf(cause)
    .replace(/^Transform failed with \d+ errors?:\n/, '')
    .replace(/\nRequire stack:[\s\S]*$/, '')
  const telling = cause instanceof Error && !['Error', 'TransformError'].includes(cause.name)
  return telling ? `${cause.name}: ${message}` : message
}

/** The position in the user module, if the stack has it. */
function placeIn(file: string, cause: unknown): string {
  if (!(cause instanceof Error) || typeof cause.stack !== 'string' || cause.message.includes(file)) return ''
  const start = cause.stack.indexOf(file)
  const [, line] = start < 0 ? [] : (/^(:\d+(?::\d+)?)/.exec(cause.stack.slice(start + file.length)) ?? [])
  return line === undefined ? '' : ` (at ${relative(process.cwd(), file)}${line})`
}

function hintFor(cause: unknown): string | undefined {
  const { code } = cause as { code?: unknown }
  if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') return undefined
  return 'Check the path it imports, or install the package it names.\nAn alias has to be in compilerOptions.paths of the tsconfig.json above it.'
}
