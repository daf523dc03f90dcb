import { join } from 'node:path'
import ts from 'typescript'
import { expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')

it('the declarations of the package compile for one who checks libraries and has no ioredis', () => {
  const entries = ['index', 'testing', 'devbroker/server', 'client/create-client'].map((name) =>
    join(ROOT, `dist/${name}.d.ts`),
  )
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: false,
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2022.d.ts', 'lib.esnext.disposable.d.ts'],
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    types: ['node'],
    paths: { ioredis: [join(ROOT, 'there/is/none')] },
  }
  const program = ts.createProgram(entries, options)
  const complaints = program
    .getSourceFiles()
    .filter(
      ({ fileName }) => fileName.includes('/dist/') && fileName.startsWith(ROOT) && !fileName.includes('node_modules'),
    )
    .flatMap((file) => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)])
    .map(({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`)
  expect(complaints).toEqual([])
})
