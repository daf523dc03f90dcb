import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Project } from './a-project.ts'
import { run } from './provision/command.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** An example as its reader has it. */
export interface Example extends Project {
  /** Rejects with what the compiler finds wrong in it. */
  compile(): Promise<void>
}

/** A copy of examples/`name` whose dependencies are installed: those of this project, and this project as `twq`. */
export function anExample(name: string): Example {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), `twq-${name}-`)))
  const from = join(ROOT, 'examples', name)
  cpSync(from, folder, { recursive: true, filter: (path) => path === from || basename(path) !== 'node_modules' })
  linkDependencies(folder, ROOT)
  return {
    folder,
    compile: async () => {
      await run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', '.'], { cwd: folder })
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  }
}

/** Does what `npm install` does in the folder of an example: its packages are those that `root` has, and `twq` is `root` itself. */
export function linkDependencies(folder: string, root: string): void {
  const modules = join(folder, 'node_modules')
  mkdirSync(join(modules, '.bin'), { recursive: true })
  for (const name of [...dependenciesOf(folder), '@types/node']) {
    const to = join(modules, name)
    mkdirSync(dirname(to), { recursive: true })
    symlinkSync(name === 'twq' ? root : join(root, 'node_modules', name), to)
  }
  symlinkSync('../twq/bin/twq.js', join(modules, '.bin/twq'))
  symlinkSync(join(root, 'node_modules/.bin/tsx'), join(modules, '.bin/tsx'))
}

function dependenciesOf(folder: string): string[] {
  const { dependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as PackageJson
  return Object.keys(dependencies)
}

interface PackageJson {
  readonly dependencies: Readonly<Record<string, string>>
}
