import { join } from 'node:path'
import ts from 'typescript'

/** What an editor shows of a place in some code. */
export interface QuickInfo {
  /** The declaration, on one line: `(property) acks?: "late" | "early" | undefined`. */
  readonly declaration: string
  /** The text of its doc comment; empty where it has none. */
  readonly documentation: string
}

const ROOT = join(import.meta.dirname, '../..')

/** Has the TypeScript language service say, of each `^` in a module in `test/`, what an editor shows of the word before it. */
export function quickInfoOf(marked: string): readonly QuickInfo[] {
  const [first = '', ...parts] = marked.split('^')
  let text = first
  const places: number[] = []
  for (const part of parts) {
    places.push(text.length - 1)
    text += part
  }
  const service = serviceOf(join(ROOT, 'test/__hovered__.ts'), text)
  return places.map((place) => {
    const info = service.getQuickInfoAtPosition(join(ROOT, 'test/__hovered__.ts'), place)
    return {
      declaration: ts.displayPartsToString(info?.displayParts).replace(/\s+/g, ' '),
      documentation: ts.displayPartsToString(info?.documentation),
    }
  })
}

function serviceOf(file: string, text: string): ts.LanguageService {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent({ ...config, files: [], include: [] }, ts.sys, ROOT)
  const read = (path: string): string | undefined => (path === file ? text : ts.sys.readFile(path))
  return ts.createLanguageService({
    getScriptFileNames: () => [file],
    getScriptVersion: () => '1',
    getScriptSnapshot(path) {
      const content = read(path)
      return content === undefined ? undefined : ts.ScriptSnapshot.fromString(content)
    },
    getCurrentDirectory: () => ROOT,
    getCompilationSettings: () => options,
    getDefaultLibFileName: ts.getDefaultLibFilePath,
    fileExists: (path) => path === file || ts.sys.fileExists(path),
    readFile: read,
    directoryExists: ts.sys.directoryExists,
  })
}
