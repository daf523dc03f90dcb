import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { messageOf, TwqError } from '../errors.ts'

// Undefined in CommonJS output of a bundler.
const OWN_URL = import.meta.url as string | undefined

/** The folder of this package's code, `src/` or `dist/`. */
export const ownCode: URL = codeFolder()

const { version } = manifest()

/** Requires the packages that twq depends on, resolved from where twq is installed. */
export const requireOwn: NodeJS.Require = createRequire(ownCode)

/** The version of this package. */
export function packageVersion(): string {
  return version
}

function codeFolder(): URL {
  if (OWN_URL === undefined) throw bundled('it has no import.meta.url')
  return new URL('..', OWN_URL)
}

function manifest(): { readonly version: string } {
  const path = new URL('../package.json', ownCode)
  let found: { readonly name?: string; readonly version: string }
  try {
    found = JSON.parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    throw bundled(`its package.json is not at ${path.href}: ${messageOf(cause)}`)
  }
  if (found.name !== 'twq') throw bundled(`${path.href} is the package.json of ${found.name ?? 'another program'}`)
  return found
}

// Pool members, the process for suspects and the private copy of amqplib are files beside the code, which a bundle lacks.
function bundled(why: string): TwqError {
  return new TwqError('TWQ_BUNDLED', `twq was put into a bundle, where it can't find its own files: ${why}`, {
    hint: "Leave it outside, as a package that is installed: esbuild --external:twq, externals: [/^twq/] and externalsType: 'commonjs' in webpack,\nexternal: [/^twq/] in Rollup, serverExternalPackages: ['twq'] in Next",
  })
}
