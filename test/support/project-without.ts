import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { cleanEnvironment, type Finished } from './run-twq.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** A project whose twq has all it depends on, but one optional package; removed when disposed. */
export interface ProjectWithout extends Disposable {
  /** Runs a script of the project, or `twq` for the command. */
  run(script: string, args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Finished>
}

/**
 * Lays out files, by path, beside a node_modules of links, which `missing` (a package, or a scope) is not among: modules are looked for
 * where the links stand, not where they lead.
 */
export function aProjectWithout(missing: string, files: Readonly<Record<string, string>>): ProjectWithout {
  const folder = mkdtempSync(join(tmpdir(), 'twq-without-'))
  const modules = join(folder, 'node_modules')
  mkdirSync(join(modules, 'twq'), { recursive: true })
  for (const name of readdirSync(join(ROOT, 'node_modules'))) {
    if (name !== missing && !name.startsWith('.')) symlinkSync(join(ROOT, 'node_modules', name), join(modules, name))
  }
  for (const name of ['bin', 'dist', 'package.json']) symlinkSync(join(ROOT, name), join(modules, 'twq', name))
  for (const [path, content] of Object.entries({ 'package.json': '{"type":"module","workspaces":[]}', ...files })) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), content)
  }
  return {
    async run(script, args, env = {}) {
      const path = script === 'twq' ? 'node_modules/twq/bin/twq.js' : script
      const child = spawn(process.execPath, ['--preserve-symlinks-main', path, ...args], {
        cwd: folder,
        env: { ...cleanEnvironment(), ...env, NODE_OPTIONS: '--preserve-symlinks' },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      const [stdout, stderr, [status]] = await Promise.all([
        text(child.stdout),
        text(child.stderr),
        once(child, 'close'),
      ])
      return { status: status as number | null, stdout, stderr }
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  }
}
