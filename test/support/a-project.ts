import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A user's project in a folder of its own, removed when disposed. */
export interface Project extends Disposable {
  readonly folder: string
}

/** Lays out files, by path, in a project that has twq installed, and those `packages` that this one has. `type` is the package's module type. */
export function aProject(
  files: Readonly<Record<string, string>>,
  {
    type,
    packages = [],
  }: { readonly type?: 'module' | 'commonjs' | undefined; readonly packages?: readonly string[] } = { type: 'module' },
): Project {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'twq-project-')))
  const write = (path: string, content: string): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), content)
  }
  // `workspaces` makes it the root, beyond which no configuration is looked for.
  write('package.json', JSON.stringify({ name: 'a-project', type, workspaces: [] }))
  for (const [path, content] of Object.entries(files)) write(path, content)
  mkdirSync(join(folder, 'node_modules'), { recursive: true })
  const root = fileURLToPath(new URL('../..', import.meta.url))
  symlinkSync(root, join(folder, 'node_modules/twq'))
  for (const name of packages) {
    const to = join(folder, 'node_modules', name)
    mkdirSync(dirname(to), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), to)
  }
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) }
}
