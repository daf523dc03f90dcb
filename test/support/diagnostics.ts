import { join } from 'node:path'
import ts from 'typescript'

/** One complaint of the compiler: the text it is about, and what it says, innermost reason last. */
export interface Complaint {
  readonly at: string
  readonly code: number
  readonly message: string
}

const ROOT = join(import.meta.dirname, '../..')

/** What the compiler, as strict as the project's own settings, says of modules in `test/` with these texts: of each its own. */
export function complaintsAbout(texts: readonly string[]): readonly (readonly Complaint[])[] {
  const files = new Map(texts.map((text, index) => [join(ROOT, `test/__compiled-${index}__.ts`), text]))
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile)
  const parsed = ts.parseJsonConfigFileContent({ ...config, files: [], include: [] }, ts.sys, ROOT)
  const options = { ...parsed.options, noEmit: true, incremental: false, composite: false }
  const host = ts.createCompilerHost(options)
  const { getSourceFile, fileExists } = host
  host.fileExists = (name) => files.has(name) || fileExists(name)
  host.getSourceFile = (name, target, ...more) => {
    const text = files.get(name)
    return text === undefined ? getSourceFile(name, target, ...more) : ts.createSourceFile(name, text, target)
  }
  const program = ts.createProgram([...files.keys()], options, host)
  return [...files].map(([file, text]) =>
    ts
      .getPreEmitDiagnostics(program, program.getSourceFile(file))
      .map(({ start = 0, length = 0, code, messageText }) => ({
        at: text.slice(start, start + length),
        code,
        message: ts.flattenDiagnosticMessageText(messageText, '\n'),
      })),
  )
}
