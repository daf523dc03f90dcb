import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import ts from 'typescript'
import type { startProcess } from '../../src/pool/kinds/processes.ts'
import type { startThread } from '../../src/pool/kinds/threads.ts'

/** Members as an installed twq has them: each starts in a third of the time that it takes from the sources. */
export interface CompiledMembers extends Disposable {
  readonly startProcess: typeof startProcess
  readonly startThread: typeof startThread
  /** The URL of pool-host.ts, compiled. */
  readonly hostModule: string
}

const BUILD = new URL('../../build/', import.meta.url)

/** Takes twq from build/, and compiles what the suite itself has its members load. */
export async function compiledMembers(): Promise<CompiledMembers> {
  const folder = mkdtempSync(join(tmpdir(), 'twq-members-'))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  for (const name of ['pool-host', 'pool-tasks']) {
    const source = readFileSync(new URL(`${name}.ts`, import.meta.url), 'utf8')
    const { outputText } = ts.transpileModule(source, {
      compilerOptions: {
        target: ts.ScriptTarget.ES2022,
        module: ts.ModuleKind.ESNext,
        verbatimModuleSyntax: true,
        rewriteRelativeImportExtensions: true,
      },
    })
    writeFileSync(join(folder, `${name}.js`), outputText.replaceAll('../../src/', BUILD.href))
  }
  const { startProcess } = await import(fileURLToPath(new URL('pool/kinds/processes.js', BUILD)))
  const { startThread } = await import(fileURLToPath(new URL('pool/kinds/threads.js', BUILD)))
  return {
    startProcess,
    startThread,
    hostModule: pathToFileURL(join(folder, 'pool-host.js')).href,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  }
}
