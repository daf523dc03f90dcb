import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageVersion, requireOwn } from '../../runtime/own-package.ts'

const DEPENDENCIES = ['amqplib', 'tsx', 'pino'] as const

/** The installed versions of twq and of what decides how it works. */
export function installedVersions(): ReadonlyMap<string, string> {
  const versions = DEPENDENCIES.map((name): [string, string] => [name, versionOf(name) ?? 'missing'])
  return new Map([['twq', packageVersion()], ...versions])
}

/** Read from its folder, since the exports of a package may leave out its package.json. */
function versionOf(name: string): string | undefined {
  for (const folder of requireOwn.resolve.paths(name) ?? []) {
    try {
      const manifest = readFileSync(join(folder, name, 'package.json'), 'utf8')
      return (JSON.parse(manifest) as { version: string }).version
    } catch {
      // Not in this folder: perhaps further up.
    }
  }
  return undefined
}
