import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

const ROOT = join(import.meta.dirname, '../..')

/** A project that has the package as npm packs it, removed when disposed. */
export interface PackedProject extends Disposable {
  readonly folder: string
}

/** Packs the package, and unpacks it into a project that has its dependencies, Node's types, and the packages `besides`. */
export function aPackedProject(besides: readonly string[] = []): PackedProject {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'twq-packed-')))
  const listing = execFileSync('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [{ filename }] = Object.values(JSON.parse(listing)) as [{ filename: string }]
  const twq = join(folder, 'node_modules/twq')
  mkdirSync(twq, { recursive: true })
  execFileSync('tar', ['-xzf', join(folder, filename), '--strip-components=1', '-C', twq])
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  for (const name of [...Object.keys(dependencies), '@types/node', ...besides]) {
    mkdirSync(dirname(join(folder, 'node_modules', name)), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name))
  }
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) }
}
