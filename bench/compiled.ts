import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import ts from 'typescript'

const PROJECT = resolve(import.meta.dirname, '..')

/**
 * Writes the worker's configuration and tasks into `folder` as JavaScript, as in production: a worker that compiles TypeScript
 * holds the compiler in its memory. Returns the folder of the configurations.
 */
export async function compileWorker(folder: string): Promise<string> {
  const files = (await readdir(join(PROJECT, 'bench/worker'))).map((name) => `worker/${name}`)
  for (const file of ['stopwatch.ts', ...files]) {
    const source = await readFile(join(PROJECT, 'bench', file), 'utf8')
    const { outputText } = ts.transpileModule(source, {
      compilerOptions: {
        module: ts.ModuleKind.ESNext,
        target: ts.ScriptTarget.ES2022,
        rewriteRelativeImportExtensions: true,
      },
    })
    const target = join(folder, file.replace(/\.ts$/, '.js'))
    await mkdir(dirname(target), { recursive: true })
    await writeFile(target, outputText.replaceAll("./tasks.ts'", "./tasks.js'"))
  }
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }\n')
  await mkdir(join(folder, 'node_modules'))
  await symlink(PROJECT, join(folder, 'node_modules/twq'))
  return join(folder, 'worker')
}
