import { type Dirent, readdirSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'

// A folder without wildcards, and one `*` at the beginning of the names in it.
const PLAIN = /^((?:[\w.-]+\/|\/)*)\*((?:\.\w+)*)$/

/**
 * The files that a glob such as `./tasks/*.ts` matches, by their paths; undefined for any other form of glob. Nearly every
 * project uses this form, so the glob library is loaded only for the others. As with the library, hidden files, declaration files
 * and broken links don't match.
 */
export function filesOfPlainGlob(pattern: string, baseDir: string): string[] | undefined {
  const [matched, folder = '', ending = ''] = PLAIN.exec(pattern) ?? []
  if (matched === undefined || folder.includes('node_modules/')) return undefined
  const path = resolve(baseDir, folder)
  return entriesOf(path)
    .filter(({ name }) => name.endsWith(ending) && !name.startsWith('.') && !/\.d\.[mc]?ts$/.test(name))
    .filter((entry) => isFile(entry, path))
    .map(({ name }) => join(path, name))
}

function entriesOf(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
  } catch {
    // Missing or unreadable.
    return []
  }
}

function isFile(entry: Dirent, folder: string): boolean {
  if (!entry.isSymbolicLink()) return entry.isFile()
  return statSync(join(folder, entry.name), { throwIfNoEntry: false })?.isFile() === true
}
